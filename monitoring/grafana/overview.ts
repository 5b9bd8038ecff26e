import type { Board } from "./Board.ts"
import { limits } from "./limits.ts"
import { dial, lines, number } from "./panels.ts"
import * as q from "./queries.ts"

export const overview: Board = {
  uid: "parley-overview",
  title: "Parley: System Overview",
  description:
    "Is it up, how much traffic, how many errors, how slow, what does a user cost, where is revenue, what fires.",
  span: "6h",
  refresh: "30s",
  rows: [
    {
      id: 1000,
      title: "Now",
      panels: [
        number({
          id: 1,
          title: "Servers up",
          description:
            "How many servers answer Prometheus. Fewer than there should be: look at their logs. No data: Prometheus has no target.",
          unit: "short",
          queries: [{ expr: `sum(up{job="${q.job}"})` }],
          limits: limits.up,
          width: 4
        }),
        number({
          id: 2,
          title: "Requests",
          description: "Of the API, without probes and scrapes. Nothing at a busy hour: look in front of the servers.",
          unit: "reqps",
          queries: [{ expr: q.requests() }],
          width: 4,
          more: "parley-performance"
        }),
        number({
          id: 3,
          title: "Server errors",
          description:
            "The share of requests answered with 5xx; half a percent is what may be. No data: nobody asks for anything.",
          unit: "percentunit",
          decimals: 2,
          queries: [{ expr: q.share(q.failures(), q.requests()) }],
          limits: limits.errorShare,
          width: 4,
          more: "parley-performance"
        }),
        number({
          id: 4,
          title: "Latency, p95",
          description: "95 of 100 requests begin to be answered within this. The line is at 5 s.",
          unit: "s",
          queries: [{ expr: q.latency(0.95) }],
          limits: limits.latencySeconds,
          width: 4,
          more: "parley-performance"
        }),
        number({
          id: 5,
          title: "EUR per user and month",
          description:
            "What an active user's month will have cost at its end, on average. Target 2.00, never above 2.50.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: q.counted("llm_cost_per_active_user_euros", `stat="avg"`) }],
          limits: limits.costPerUserEur,
          width: 4,
          more: "parley-costs"
        }),
        number({
          id: 6,
          title: "Alerts firing",
          description: "How many. No data: Prometheus does not evaluate its rules, or the Watchdog is not among them.",
          unit: "short",
          queries: [{ expr: q.orNoneFiring(`count(${q.firing})`) }],
          limits: limits.anyIsBad,
          width: 4,
          more: "parley-alerts"
        })
      ]
    },
    {
      id: 1001,
      title: "Traffic and errors",
      panels: [
        lines({
          id: 10,
          title: "Requests by status",
          description: "What the API answered, each second. 4xx are the callers' mistakes, 5xx are ours.",
          unit: "reqps",
          queries: ["2", "4", "5"].map((digit) => ({
            expr: q.requests(`${q.api}, http_response_status_code=~"${digit}.."`),
            legend: `${digit}xx`
          })),
          stacked: true,
          width: 12
        }),
        lines({
          id: 11,
          title: "Latency",
          description:
            "How long requests wait for their answer to begin, of all routes; the line is at 5 s. By route: Performance.",
          unit: "s",
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: q.latency(share),
            legend: `p${share * 100}`,
            exemplar: share === 0.95
          })),
          limits: limits.latencySeconds,
          width: 12,
          more: "parley-performance"
        }),
        lines({
          id: 12,
          title: "Turns by outcome",
          description:
            "What became of what people said, a minute. Failed and model_failed are ours; refused is a busy session or a spent budget.",
          unit: "opm",
          queries: [
            { expr: `60 * ${q.rate("chat_turn_duration_seconds_count", "", "outcome")}`, legend: "{{outcome}}" }
          ],
          stacked: true,
          width: 12
        }),
        lines({
          id: 13,
          title: "Under way",
          description: "Requests and streams that are open. Rising without more traffic: something does not end.",
          unit: "short",
          queries: [
            { expr: "sum(http_server_active_requests)", legend: "requests" },
            { expr: "sum(chat_streams_active)", legend: "streams" }
          ],
          width: 12,
          more: "parley-performance"
        })
      ]
    },
    {
      id: 1002,
      title: "Money",
      panels: [
        lines({
          id: 20,
          title: "EUR per active user and month",
          description:
            "The projection of the month, on average; lines at the target, 2.00, and at the most there may be, 2.50.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: q.counted("llm_cost_per_active_user_euros", `stat="avg"`), legend: "average" }],
          limits: limits.costPerUserEur,
          width: 10,
          more: "parley-costs"
        }),
        lines({
          id: 21,
          title: "Annual recurring revenue",
          description: "Twelve times what subscriptions bring in a month; the line is the target, 25,000.",
          unit: "currencyEUR",
          decimals: 0,
          queries: [{ expr: q.counted("revenue_arr_euros"), legend: "ARR" }],
          limits: limits.arrTargetEur,
          width: 10,
          more: "parley-business"
        }),
        dial({
          id: 22,
          title: "ARR of 25k",
          description: "Of the target in REVENUE_ARR_TARGET_EUR, so much is there.",
          unit: "percentunit",
          max: 1,
          queries: [{ expr: `${q.counted("revenue_arr_euros")} / max(revenue_arr_target_euros > 0)` }],
          limits: {
            base: "red",
            steps: [
              [0.5, "yellow"],
              [1, "green"]
            ]
          },
          width: 4,
          more: "parley-business"
        })
      ]
    },
    {
      id: 1003,
      title: "Logins and limits",
      panels: [
        lines({
          id: 30,
          title: "Logins",
          description:
            "A minute. More failures than successes: somebody tries passwords; delayed are those that have to wait for it.",
          unit: "opm",
          queries: [{ expr: `60 * ${q.rate("auth_events_total", `event="login"`, "outcome")}`, legend: "{{outcome}}" }],
          width: 8
        }),
        lines({
          id: 31,
          title: "Requests refused by limits",
          description:
            "The share of counted requests, by limit; the alert is at 10 %. Of login and register: probably robots.",
          unit: "percentunit",
          queries: [
            {
              expr: q.share(
                q.rate("rate_limit_decisions_total", `decision="limited"`, "limit"),
                q.rate("rate_limit_decisions_total", "", "limit")
              ),
              legend: "{{limit}}"
            }
          ],
          limits: limits.rejectedShare,
          width: 8
        }),
        number({
          id: 32,
          title: "Token reuse, 24 h",
          description:
            "Refresh tokens used twice. Each ended a login: its token was stolen, or a client is broken. Any is worth a look at the audit log.",
          unit: "short",
          queries: [{ expr: q.increase("auth_events_total", `event="refresh", outcome="reuse_detected"`, "", "24h") }],
          decimals: 0,
          limits: limits.anyIsBad,
          width: 4,
          height: 8
        }),
        number({
          id: 33,
          title: "Version",
          description: "What runs; two of them during a rollout, and not longer.",
          unit: "short",
          queries: [{ expr: "max by (version) (app_build_info)", legend: "{{version}}" }],
          text: "name",
          width: 4,
          height: 8
        })
      ]
    }
  ]
}
