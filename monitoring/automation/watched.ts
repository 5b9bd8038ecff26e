/** Since when Prometheus has watched Parley: what was counted before is in none of its numbers. */
import { DateTime, Duration, Effect } from "effect"
import { job } from "../grafana/queries.ts"
import { Prometheus } from "./Prometheus.ts"

const step = Duration.minutes(15)
const stepMillis = Duration.toMillis(step)

/** `whole` time, `nothing` of it, or from about this moment on, at the earliest. */
export type Watched = "whole" | "nothing" | DateTime.Utc

export const between = Effect.fn("watched.between")(function* (start: DateTime.Utc, end: DateTime.Utc) {
  const prometheus = yield* Prometheus
  const counted = `max(count_over_time(up{job="${job}"}[${Duration.toSeconds(step)}s]))`
  // Counted from the end: a server that has just begun is in the last step.
  const from = DateTime.toEpochMillis(start) + (DateTime.distance(start, end).pipe(Duration.toMillis) % stepMillis)
  const [line] = yield* prometheus.range(counted, { start: DateTime.toUtc(DateTime.makeUnsafe(from)), end, step })
  const first = line?.points[0]?.[0]
  const since: Watched =
    first === undefined
      ? "nothing"
      : first < from + 2 * stepMillis
        ? "whole"
        : DateTime.subtractDuration(DateTime.toUtc(DateTime.makeUnsafe(first)), step)
  return since
})

/** `2026-11-27 14:15 UTC`. */
export const minute = (moment: DateTime.Utc): string =>
  `${DateTime.formatIso(moment).slice(0, 16).replace("T", " ")} UTC`
