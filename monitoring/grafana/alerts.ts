import type { Board } from "./Board.ts"
import { limits } from "./limits.ts"
import { lines, number, ranking, rows, states } from "./panels.ts"
import * as q from "./queries.ts"

const channels = `integration=~"email|slack|webhook|pagerduty"`
const labels = "alertname, severity, category"

/** Since an alert's condition began to hold, of those that fire. */
const since = `max by (${labels}) ((time() - ALERTS_FOR_STATE{alertname!="Watchdog"}) and ignoring (alertstate) ${q.firing})`

export const alerts: Board = {
  uid: "parley-alerts",
  title: "Parley: Alert Management",
  description: "What fires, what fired, whether anybody was told, and whether the alerting itself works.",
  span: "24h",
  refresh: "30s",
  rows: [
    {
      id: 1000,
      title: "Firing now",
      panels: [
        ...["critical", "warning"].map((severity, index) =>
          number({
            id: 1 + index,
            title: severity === "critical" ? "Critical" : "Warnings",
            description:
              "How many fire. No data: Prometheus does not evaluate its rules, or the Watchdog is not among them.",
            unit: "short",
            queries: [
              {
                expr: q.orNoneFiring(
                  `count(ALERTS{alertstate="firing", alertname!="Watchdog", severity="${severity}"})`
                )
              }
            ],
            limits: severity === "critical" ? limits.anyIsBad : limits.anyIsOdd,
            width: 3,
            height: 8
          })
        ),
        rows({
          id: 3,
          title: "Firing",
          description:
            "Since when its condition holds. What to do is in monitoring/RUNBOOKS.md, under the alert's name.",
          unit: "s",
          labels: { alertname: "Alert", severity: "Severity", category: "Category" },
          columns: [{ name: "For", unit: "s" }],
          queries: [{ expr: since }],
          width: 12
        }),
        ranking({
          id: 4,
          title: "By category",
          description: "Several at once in one category mostly have one cause.",
          unit: "short",
          queries: [{ expr: `count by (category) (${q.firing})`, legend: "{{category}}" }],
          width: 6
        })
      ]
    },
    {
      id: 1001,
      title: "The last 24 hours",
      panels: [
        states({
          id: 10,
          title: "When what fired",
          description:
            "One line for each alert. One that comes and goes has a threshold that is too near, or too short a wait.",
          unit: "short",
          queries: [{ expr: `max by (alertname) (${q.firing})`, legend: "{{alertname}}" }],
          width: 12
        }),
        rows({
          id: 11,
          title: "Fired in 24 h",
          description:
            "For how long altogether, by alert. What fires every day and nobody acts on should be mended or deleted.",
          unit: "s",
          labels: { alertname: "Alert", severity: "Severity", category: "Category" },
          columns: [{ name: "For", unit: "s" }],
          queries: [{ expr: `15 * max by (${labels}) (count_over_time(${q.firing}[24h:15s]))` }],
          width: 8
        }),
        number({
          id: 12,
          title: "Alerts that fired in 24 h",
          description: "How many different ones.",
          unit: "short",
          queries: [{ expr: q.orNoneFiring(`count(count by (alertname) (max_over_time(${q.firing}[24h])))`) }],
          limits: limits.anyIsOdd,
          width: 4,
          height: 8
        })
      ]
    },
    {
      id: 1002,
      title: "Notifications",
      panels: [
        lines({
          id: 20,
          title: "Sent by channel",
          description:
            "In five minutes. Many: alerts should be grouped. None while something fires: look at the routes.",
          unit: "short",
          decimals: 0,
          queries: [
            {
              expr: q.increase("alertmanager_notifications_total", channels, "integration", "5m"),
              legend: "{{integration}}"
            }
          ],
          width: 8
        }),
        lines({
          id: 21,
          title: "Failed by channel",
          description:
            "In five minutes. Alertmanager's log says why: a secret that has changed, mostly. Nobody is told meanwhile.",
          unit: "short",
          decimals: 0,
          queries: [
            {
              expr: `sum by (integration) (increase(alertmanager_notifications_failed_total{${channels}}[5m]))`,
              legend: "{{integration}}"
            }
          ],
          width: 8
        }),
        number({
          id: 22,
          title: "Failed in 24 h",
          description: "The share of notifications, of all channels.",
          unit: "percentunit",
          decimals: 1,
          queries: [
            {
              expr: q.share(
                q.increase("alertmanager_notifications_failed_total", channels, "", "24h"),
                q.increase("alertmanager_notifications_total", channels, "", "24h")
              )
            }
          ],
          limits: limits.errorShare,
          width: 4,
          height: 8
        }),
        number({
          id: 23,
          title: "Held back",
          description:
            "Alerts that are silenced or muted by another; and silences that are active. Forgotten ones hide what matters.",
          unit: "short",
          queries: [
            { expr: `sum(alertmanager_alerts{state="suppressed"})`, legend: "alerts" },
            { expr: `sum(alertmanager_silences{state="active"})`, legend: "silences" }
          ],
          width: 4,
          height: 8
        })
      ]
    },
    {
      id: 1003,
      title: "Does the alerting work",
      panels: [
        number({
          id: 30,
          title: "Age of the Watchdog",
          description:
            "Since the alert that always fires was last seen. Older than 5 minutes, or no data: no alert can fire. What its heartbeats reach should have told you already.",
          unit: "s",
          queries: [
            {
              expr: q.age(`max_over_time(timestamp(ALERTS{alertname="Watchdog", alertstate="firing"})[24h:15s])`)
            }
          ],
          limits: limits.watchdogAgeSeconds,
          width: 6
        }),
        number({
          id: 31,
          title: "Alertmanagers",
          description: "Those that Prometheus knows; with none, nobody is told of anything.",
          unit: "short",
          queries: [{ expr: "max(prometheus_notifications_alertmanagers_discovered)" }],
          limits: limits.up,
          width: 6
        }),
        number({
          id: 32,
          title: "Rule evaluations failed, 24 h",
          description: "Any: Prometheus's page of rules says which and why. That rule sees nothing meanwhile.",
          unit: "short",
          decimals: 0,
          queries: [{ expr: q.increase("prometheus_rule_evaluation_failures_total", "", "", "24h") }],
          limits: limits.anyIsBad,
          width: 6
        }),
        number({
          id: 33,
          title: "Last evaluation",
          description: "Of the rule group that waits longest.",
          unit: "s",
          queries: [{ expr: "time() - min(prometheus_rule_group_last_evaluation_timestamp_seconds > 0)" }],
          limits: limits.watchdogAgeSeconds,
          width: 6
        }),
        lines({
          id: 34,
          title: "Failures of rules, by group",
          description: "In five minutes.",
          unit: "short",
          decimals: 0,
          queries: [
            {
              expr: `label_replace(${q.increase("prometheus_rule_evaluation_failures_total", "", "rule_group", "5m")}, "group", "$1", "rule_group", ".*;(.*)")`,
              legend: "{{group}}"
            }
          ],
          width: 12
        }),
        lines({
          id: 35,
          title: "From Prometheus to Alertmanager",
          description: "In five minutes: alerts handed over, refused, and dropped because nobody took them.",
          unit: "short",
          decimals: 0,
          queries: [
            { expr: q.increase("prometheus_notifications_sent_total", "", "", "5m"), legend: "sent" },
            { expr: q.increase("prometheus_notifications_errors_total", "", "", "5m"), legend: "errors" },
            { expr: q.increase("prometheus_notifications_dropped_total", "", "", "5m"), legend: "dropped" }
          ],
          width: 12
        })
      ]
    }
  ]
}
