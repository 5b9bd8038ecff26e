/** Since when Prometheus has watched Parley: what was counted before is in none of its numbers. */
import { DateTime, Duration, Effect } from "effect"
import { job } from "../grafana/queries.ts"
import { Prometheus } from "./Prometheus.ts"

const step = Duration.minutes(15)

/** `whole` time, `nothing` of it, or from about this moment on, at the earliest. */
export type Watched = "whole" | "nothing" | DateTime.Utc

export const between = Effect.fn("watched.between")(function* (start: DateTime.Utc, end: DateTime.Utc) {
  const prometheus = yield* Prometheus
  const counted = `max(count_over_time(up{job="${job}"}[${Duration.toSeconds(step)}s]))`
  const [line] = yield* prometheus.range(counted, { start: DateTime.addDuration(start, step), end, step })
  const first = line?.points[0]?.[0]
  const since: Watched =
    first === undefined
      ? "nothing"
      : first <= DateTime.toEpochMillis(start) + Duration.toMillis(step)
        ? "whole"
        : DateTime.subtractDuration(DateTime.toUtc(DateTime.makeUnsafe(first)), step)
  return since
})

/** `2026-11-27 14:15 UTC`. */
export const minute = (moment: DateTime.Utc): string =>
  `${DateTime.formatIso(moment).slice(0, 16).replace("T", " ")} UTC`
