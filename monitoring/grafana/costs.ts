import type { Board } from "./Board.ts"
import { limits } from "./limits.ts"
import { dial, lines, number, ranking } from "./panels.ts"
import * as q from "./queries.ts"

const cost = "llm_cost_euros_total"
const model = "gen_ai_request_model"
const perUser = "llm_cost_per_active_user_euros"

export const costs: Board = {
  uid: "parley-costs",
  title: "Parley: Cost Analysis",
  description: "What users cost against 2.00 and 2.50 EUR a month, what it is spent on, and what of it is wasted.",
  span: "24h",
  refresh: "1m",
  rows: [
    {
      id: 1000,
      title: "Users",
      panels: [
        dial({
          id: 1,
          title: "EUR per active user and month",
          description:
            "The month's projection, on average. Above 2.00: look for the model or the users that cost it below. Above 2.50: act today.",
          unit: "currencyEUR",
          decimals: 2,
          max: 3,
          queries: [{ expr: q.counted(perUser, `stat="avg"`) }],
          limits: limits.costPerUserEur,
          width: 6
        }),
        lines({
          id: 2,
          title: "Distribution over users",
          description:
            "The projection of the month of half the users, of 95 of 100, and of the most expensive one, who is refused at 2.50. A maximum far from p95 is one person.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [
            { expr: q.counted(perUser, `stat="avg"`), legend: "average" },
            { expr: q.counted(perUser, `stat="p50"`), legend: "p50" },
            { expr: q.counted(perUser, `stat="p95"`), legend: "p95" },
            { expr: q.counted(perUser, `stat="max"`), legend: "max" }
          ],
          limits: limits.costPerUserEur,
          width: 12
        }),
        number({
          id: 3,
          title: "Users over",
          description:
            "Who has spent the target already this month, and who the most there may be and is refused until the next.",
          unit: "short",
          queries: [
            { expr: q.counted("llm_users_over_cost", `threshold="target"`), legend: "target 2.00" },
            { expr: q.counted("llm_users_over_cost", `threshold="limit"`), legend: "limit 2.50" }
          ],
          limits: limits.anyIsOdd,
          width: 6,
          height: 8
        })
      ]
    },
    {
      id: 1001,
      title: "Budget",
      panels: [
        dial({
          id: 10,
          title: "Of the day's budget",
          description:
            "Spent since midnight UTC, of LLM_DAILY_BUDGET_EUR. Nothing is refused above it, but an alert fires.",
          unit: "percentunit",
          max: 1.2,
          queries: [{ expr: `${q.counted("llm_cost_today_euros")} / max(llm_daily_budget_euros > 0)` }],
          limits: limits.budgetShare,
          width: 6
        }),
        lines({
          id: 11,
          title: "Spent today",
          description: "Since midnight UTC, and the budget of a day.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [
            { expr: q.counted("llm_cost_today_euros"), legend: "spent" },
            { expr: "max(llm_daily_budget_euros)", legend: "budget" }
          ],
          width: 10
        }),
        number({
          id: 12,
          title: "Month at this pace",
          description: "Thirty days like the last 24 hours, as far back as Prometheus remembers of them, of all users.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: `30 * ${q.increase(cost, "", "", "24h")}` }],
          width: 4,
          height: 8
        }),
        number({
          id: 13,
          title: "EUR per answered turn",
          description:
            "All that was spent, on what people got. Rising: longer contexts, a dearer model, or more waste.",
          unit: "currencyEUR",
          decimals: 4,
          queries: [
            {
              expr: `${q.rate(cost)} / (${q.rate("chat_turn_duration_seconds_count", `outcome="answered"`)} > 0)`
            }
          ],
          width: 4,
          height: 8
        })
      ]
    },
    {
      id: 1002,
      title: "Spend",
      panels: [
        lines({
          id: 20,
          title: "Spend by model",
          description: "Euros an hour. A fallback model here: the first one fails.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: `3600 * ${q.rate(cost, "", model)}`, legend: `{{${model}}}` }],
          stacked: true,
          width: 12
        }),
        lines({
          id: 21,
          title: "Spend by purpose",
          description: "Euros an hour. Retried, failed and cancelled brought nothing.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: `3600 * ${q.rate(cost, "", "kind")}`, legend: "{{kind}}" }],
          stacked: true,
          width: 12
        }),
        ranking({
          id: 22,
          title: "By model, in the time shown",
          description: "Which model to replace by a cheaper one for most.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: `sort_desc(${q.increase(cost, "", model)})`, legend: `{{${model}}}` }],
          width: 8
        }),
        number({
          id: 23,
          title: "Wasted",
          description:
            "The share of spending on calls made again, and on turns that failed or were cancelled. Above a tenth: find out why models fail, under Performance.",
          unit: "percentunit",
          decimals: 1,
          queries: [{ expr: q.share(q.increase(cost, q.wasted), q.increase(cost)) }],
          limits: limits.wastedShare,
          width: 8,
          height: 8,
          more: "parley-performance"
        }),
        ranking({
          id: 24,
          title: "Wasted on",
          description: "In the time shown.",
          unit: "currencyEUR",
          decimals: 4,
          queries: [{ expr: q.increase(cost, q.wasted, "kind"), legend: "{{kind}}" }],
          width: 8
        })
      ]
    },
    {
      id: 1003,
      title: "Tokens and retries",
      panels: [
        lines({
          id: 30,
          title: "Tokens",
          description:
            "A second, by model. Input is mostly what models are shown of a conversation: LLM_CONTEXT_TOKENS bounds it.",
          unit: "short",
          queries: [
            {
              expr: q.rate("gen_ai_client_token_usage_sum", "", `${model}, gen_ai_token_type`),
              legend: `{{${model}}} {{gen_ai_token_type}}`
            }
          ],
          stacked: true,
          width: 8
        }),
        lines({
          id: 31,
          title: "Tokens per request",
          description: "Half the requests, and 95 of 100, have no more than this; in steps of four.",
          unit: "short",
          queries: [0.5, 0.95].map((share) => ({
            expr: q.quantile(share, "gen_ai_client_token_usage", "", "gen_ai_token_type"),
            legend: `p${share * 100} {{gen_ai_token_type}}`,
            exemplar: share === 0.95
          })),
          width: 8
        }),
        lines({
          id: 32,
          title: "Retries and fallbacks",
          description: "A minute, by what the attempt before failed with, and from which model to which.",
          unit: "opm",
          queries: [
            { expr: `60 * ${q.rate("llm_retries_total", "", "reason")} > 0`, legend: "{{reason}}" },
            { expr: `60 * ${q.rate("llm_fallbacks_total", "", "from, to")}`, legend: "{{from}} to {{to}}" }
          ],
          width: 8
        })
      ]
    }
  ]
}
