/** Which alerts fired in a time, and how often. */
import { DateTime, Effect } from "effect"
import * as q from "../../grafana/queries.ts"
import { type Line, Prometheus } from "../Prometheus.ts"
import type { Alert } from "./Report.ts"

const stepMillis = 60_000

/** One that comes back after a pause has fired again. */
export const runsOf = (moments: ReadonlyArray<number>): number =>
  moments.filter((millis, index) => index === 0 || millis - (moments[index - 1] ?? millis) > 1.5 * stepMillis).length

const alertOf = ({ labels, points }: Line): Alert => ({
  name: labels["alertname"] ?? "?",
  severity: labels["severity"] ?? "?",
  times: runsOf(points.map(([millis]) => millis)),
  minutes: points.length
})

/** In the minute before each moment: what is told of a moment alone goes on for five minutes where Prometheus was stopped. */
const within = (alerts: string) => `max by (alertname, severity) (count_over_time(${alerts}[1m]))`

/** Critical ones first. Null where not even the one alert fired that always does: then nobody knows. */
export const fired = Effect.fnUntraced(function* (start: DateTime.Utc, end: DateTime.Utc) {
  const prometheus = yield* Prometheus
  const span = { start: DateTime.add(start, { seconds: 59 }), end, step: "1 minute" } as const
  const watched = yield* prometheus.range(within(`ALERTS{alertstate="firing", alertname="Watchdog"}`), span)
  if (watched.length === 0) return null
  const lines = yield* prometheus.range(within(q.firing), span)
  return lines
    .map(alertOf)
    .toSorted((a, b) => a.severity.localeCompare(b.severity) || b.minutes - a.minutes || a.name.localeCompare(b.name))
})
