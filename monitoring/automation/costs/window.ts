/** Of which time the costs are told, and what a month is to that. */
import { DateTime, Duration, Effect, Option } from "effect"
import * as Day from "../Day.ts"

export interface Window {
  readonly start: DateTime.Utc
  readonly end: DateTime.Utc
  readonly days: number
  /** Times what the window cost is what a month of 30 days will. */
  readonly monthFactor: number
}

const monthDays = 30
/** Of fewer days nobody knows what a month will be; they count as so many, as they do for the alerts. */
export const leastDays = 7

/** So many days that end with the day, or all of its month up to it; a day that is not over ends now. */
export const of = Effect.fnUntraced(function* (date: Option.Option<Day.Day>, days: Option.Option<number>) {
  const now = yield* DateTime.now
  const last = Option.getOrElse(date, () => Day.of(now))
  const start = Option.match(days, {
    onNone: () => DateTime.startOf(last.start, "month"),
    onSome: (count) => Day.plus(last, 1 - count).start
  })
  const end = DateTime.min(last.end, now)
  const length = Duration.toDays(DateTime.distance(start, end))
  const window: Window = { start, end, days: length, monthFactor: monthDays / Math.max(length, leastDays) }
  return window
})
