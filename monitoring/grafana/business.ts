import type { Board } from "./Board.ts"
import { limits } from "./limits.ts"
import { dial, lines, number } from "./panels.ts"
import * as q from "./queries.ts"

const perDay = (metric: string, selector: string, by: string) => q.increase(metric, selector, by, "1d")

export const business: Board = {
  uid: "parley-business",
  title: "Parley: Business Metrics",
  description: "Revenue against its target, subscriptions, payments, who comes and who stays.",
  span: "30d",
  refresh: "5m",
  rows: [
    {
      id: 1000,
      title: "Revenue",
      panels: [
        dial({
          id: 1,
          title: "Annual recurring revenue",
          description:
            "To the target of 25,000. It follows from Stripe's events about subscriptions; those in other currencies than the euro are not in it.",
          unit: "currencyEUR",
          decimals: 0,
          max: 25_000,
          queries: [{ expr: q.counted("revenue_arr_euros") }],
          limits: limits.arrEur,
          width: 6
        }),
        lines({
          id: 2,
          title: "ARR and its target",
          description: "How revenue grows. The dashed line is the target; less than 95 % of a week ago fires an alert.",
          unit: "currencyEUR",
          decimals: 0,
          queries: [
            { expr: q.counted("revenue_arr_euros"), legend: "ARR" },
            { expr: "max(revenue_arr_target_euros)", legend: "target" }
          ],
          limits: limits.arrTargetEur,
          width: 10
        }),
        number({
          id: 3,
          title: "MRR",
          description: "What subscriptions that are paid for bring in a month, of those for longer their part.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: q.counted("revenue_mrr_euros") }],
          width: 4,
          height: 8
        }),
        number({
          id: 4,
          title: "Age of these numbers",
          description:
            "Since what is counted in the database was counted last. Above 15 minutes gauges here are of the past: look at the servers' logs for business metrics.",
          unit: "s",
          decimals: 0,
          queries: [{ expr: q.businessAge }],
          limits: limits.businessAgeSeconds,
          width: 4,
          height: 8
        })
      ]
    },
    {
      id: 1001,
      title: "Subscriptions",
      panels: [
        number({
          id: 10,
          title: "Subscriptions",
          description: "Those that are paid for, or paid late.",
          unit: "short",
          queries: [{ expr: "sum(max by (plan) (subscriptions_active))" }],
          width: 4,
          height: 8
        }),
        lines({
          id: 11,
          title: "By plan",
          description: "Which plan people take.",
          unit: "short",
          queries: [{ expr: q.counted("subscriptions_active", "", "plan"), legend: "{{plan}}" }],
          stacked: true,
          width: 10
        }),
        lines({
          id: 12,
          title: "New and cancelled, in 24 h",
          description: "Of the day before each moment. More cancelled than new for days: ask those who went.",
          unit: "short",
          decimals: 0,
          queries: [
            { expr: perDay("subscription_events_total", `event="created"`, ""), legend: "new" },
            { expr: perDay("subscription_events_total", `event="cancelled"`, ""), legend: "cancelled" }
          ],
          width: 10
        })
      ]
    },
    {
      id: 1002,
      title: "Payments",
      panels: [
        number({
          id: 20,
          title: "Payments that succeed, 1 h",
          description:
            "Of those tried in the last hour. Below 95 %: Stripe's dashboard says with what they fail. No data: nobody paid.",
          unit: "percentunit",
          decimals: 1,
          max: 1,
          queries: [{ expr: q.paymentSuccess("1h") }],
          limits: limits.paymentSuccess,
          width: 4,
          height: 8
        }),
        lines({
          id: 21,
          title: "Success of payments",
          description: "Of an hour, and of a day; the line is at 95 %.",
          unit: "percentunit",
          max: 1,
          queries: [
            { expr: q.paymentSuccess("1h"), legend: "1 hour" },
            { expr: q.paymentSuccess("1d"), legend: "1 day" }
          ],
          limits: limits.paymentSuccess,
          width: 8
        }),
        lines({
          id: 22,
          title: "Payments in 24 h",
          description: "By what became of them. Refunded ones had succeeded before.",
          unit: "short",
          decimals: 0,
          queries: [{ expr: perDay("payments_total", "", "status"), legend: "{{status}}" }],
          width: 8
        }),
        number({
          id: 23,
          title: "Paid, in the time shown",
          description: "Euros that came in, before refunds.",
          unit: "currencyEUR",
          decimals: 2,
          queries: [{ expr: q.increase("payments_amount_euros_total") }],
          width: 4,
          height: 8
        })
      ]
    },
    {
      id: 1003,
      title: "People",
      panels: [
        lines({
          id: 30,
          title: "Registrations in 24 h",
          description:
            "Accounts opened in the day before each moment. A peak without a campaign: robots, see the limits in the Overview.",
          unit: "short",
          decimals: 0,
          queries: [{ expr: perDay("users_registered_total", "", ""), legend: "registered" }],
          width: 10,
          more: "parley-overview"
        }),
        lines({
          id: 31,
          title: "Active users",
          description: "Who had a turn in the last day, 7 days and 30 days.",
          unit: "short",
          queries: [{ expr: q.counted("users_active", "", "window"), legend: "{{window}}" }],
          width: 10
        }),
        number({
          id: 32,
          title: "Who stays",
          description: "Of those active within 30 days, who was within a day: how much of a habit it is.",
          unit: "percentunit",
          max: 1,
          queries: [
            {
              expr: `${q.counted("users_active", `window="day"`)} / (${q.counted("users_active", `window="month"`)} > 0)`
            }
          ],
          width: 4,
          height: 8
        })
      ]
    }
  ]
}
