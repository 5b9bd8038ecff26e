/** Since when Prometheus has watched Parley: what was counted before is in none of its numbers. */
import { DateTime, Duration, Effect } from "effect"
import { job } from "../grafana/queries.ts"
import { Prometheus } from "./Prometheus.ts"

const step = Duration.minutes(15)
const stepMillis = Duration.toMillis(step)
const fineSeconds = 15

/** `whole` time (but for a quarter of an hour), `nothing` of it, or from this moment on. */
export type Watched = "whole" | "nothing" | DateTime.Utc

export const between = Effect.fn("watched.between")(function* (start: DateTime.Utc, end: DateTime.Utc) {
  const prometheus = yield* Prometheus
  const first = Effect.fnUntraced(function* (start: number, end: DateTime.Utc, seconds: number) {
    const counted = `max(count_over_time(up{job="${job}"}[${seconds}s]))`
    const span = { start: DateTime.toUtc(DateTime.makeUnsafe(start)), end, step: Duration.seconds(seconds) }
    const [line] = yield* prometheus.range(counted, span)
    const point = line?.points[0]
    return point === undefined ? undefined : DateTime.toUtc(DateTime.makeUnsafe(point[0]))
  })
  // Counted from the end: a server that has just begun is in the last step.
  const from = DateTime.toEpochMillis(start) + (DateTime.distance(start, end).pipe(Duration.toMillis) % stepMillis)
  const about = yield* first(from, end, Duration.toSeconds(step))
  const since: Watched =
    about === undefined
      ? "nothing"
      : DateTime.toEpochMillis(about) < from + 2 * stepMillis
        ? "whole"
        : ((yield* first(DateTime.toEpochMillis(about) - stepMillis, about, fineSeconds)) ?? about)
  return since
})

/** `2026-11-27 14:15 UTC`. */
export const minute = (moment: DateTime.Utc): string =>
  `${DateTime.formatIso(moment).slice(0, 16).replace("T", " ")} UTC`
