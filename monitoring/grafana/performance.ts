import type { Board } from "./Board.ts"
import { lines, number, rows } from "./panels.ts"
import { limits } from "./limits.ts"
import * as q from "./queries.ts"
import { models, process } from "./performanceParts.ts"

const byRoute = "http_route"

const slowness = (share: number, id: number, why: string) =>
  lines({
    id,
    title: `p${share * 100} by route`,
    description: `${why} Of streams it is the time to the first event. The line is at 5 s.`,
    unit: "s",
    queries: [{ expr: q.latency(share, q.pickedRoutes, byRoute), legend: `{{${byRoute}}}`, exemplar: true }],
    limits: limits.latencySeconds,
    width: 8,
    height: 10
  })

/** How many times faster than it may the budget of a month is spent. */
const burnRate = (window: string) => ({
  expr: `(${q.share(q.failures(q.api, "", window), q.requests(q.api, "", window))}) / ${q.errorBudget}`,
  legend: window
})

export const performance: Board = {
  uid: "parley-performance",
  title: "Parley: Performance",
  description: "How slow what is, what fails, and where the time goes: routes, turns, models, database, process.",
  span: "1h",
  refresh: "30s",
  byRoute: true,
  rows: [
    {
      id: 1000,
      title: "Routes",
      panels: [
        slowness(0.5, 1, "What people usually wait."),
        slowness(0.95, 2, "What one in twenty waits longer than; alerts look at this one."),
        slowness(0.99, 3, "The slowest; its points lead to traces."),
        lines({
          id: 4,
          title: "Requests by route",
          description: "What is asked for, each second.",
          unit: "reqps",
          queries: [{ expr: q.requests(q.pickedRoutes, byRoute), legend: `{{${byRoute}}}` }],
          stacked: true,
          width: 12,
          height: 10
        }),
        rows({
          id: 5,
          title: "Routes, in the time shown",
          description: "Sort by a column to find the slowest and the most broken.",
          unit: "short",
          labels: { [byRoute]: "Route" },
          columns: [
            { name: "p50", unit: "s" },
            { name: "p95", unit: "s" },
            { name: "p99", unit: "s" },
            { name: "Requests", unit: "reqps" },
            { name: "5xx", unit: "percentunit" }
          ],
          queries: [
            ...[0.5, 0.95, 0.99].map((share) => ({ expr: q.latency(share, q.pickedRoutes, byRoute, "$__range") })),
            { expr: q.requests(q.pickedRoutes, byRoute, "$__range") },
            {
              expr: q.share(
                q.failures(q.pickedRoutes, byRoute, "$__range"),
                q.requests(q.pickedRoutes, byRoute, "$__range")
              )
            }
          ],
          width: 12,
          height: 10
        })
      ]
    },
    {
      id: 1001,
      title: "Errors",
      panels: [
        lines({
          id: 10,
          title: "5xx by route",
          description: "The share of each route's requests. One route: its room's logs. All of them: the database.",
          unit: "percentunit",
          queries: [
            {
              expr: q.share(q.failures(q.pickedRoutes, byRoute), q.requests(q.pickedRoutes, byRoute)),
              legend: `{{${byRoute}}}`
            }
          ],
          limits: limits.errorShare,
          width: 12,
          height: 10
        }),
        lines({
          id: 11,
          title: "Burn of the error budget",
          description:
            "How many times faster than 99.5 % allows the budget is spent. Alerts: 14.4 in 1 h and 5 m, or 6 in 6 h and 30 m. At 14.4 a month's budget is gone in two days.",
          unit: "x",
          queries: ["5m", "30m", "1h", "6h"].map(burnRate),
          limits: limits.burnRate,
          width: 12,
          height: 10
        })
      ]
    },
    {
      id: 1002,
      title: "Turns",
      panels: [
        lines({
          id: 20,
          title: "Turns",
          description:
            "From the request for the session to what is stored, of answered ones. Most of it is the model's.",
          unit: "s",
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: q.quantile(share, "chat_turn_duration_seconds", `outcome="answered"`),
            legend: `p${share * 100}`,
            exemplar: share === 0.95
          })),
          width: 7
        }),
        lines({
          id: 21,
          title: "Overhead of turns",
          description:
            "What of a turn is Parley's own: not the model's, not a tool's. Tenths of a second: the database, or the event loop below.",
          unit: "s",
          queries: [0.5, 0.95, 0.99].map((share) => ({
            expr: q.quantile(share, "chat_turn_overhead_seconds"),
            legend: `p${share * 100}`,
            exemplar: share === 0.95
          })),
          width: 7
        }),
        lines({
          id: 22,
          title: "Streams and requests under way",
          description: "Each stream holds a socket. Rising without more turns: clients that do not read.",
          unit: "short",
          queries: [
            { expr: "sum(chat_streams_active)", legend: "streams" },
            { expr: "sum(http_server_active_requests)", legend: "requests" }
          ],
          width: 6
        }),
        number({
          id: 23,
          title: "Turns failed",
          description: "Of all that were not refused; by our fault or the model's.",
          unit: "percentunit",
          decimals: 2,
          queries: [
            {
              expr: q.share(
                q.rate("chat_turn_duration_seconds_count", `outcome=~"failed|model_failed"`),
                q.rate("chat_turn_duration_seconds_count", `outcome!="refused"`)
              )
            }
          ],
          limits: limits.errorShare,
          width: 4,
          height: 8
        })
      ]
    },
    models,
    ...process
  ]
}
