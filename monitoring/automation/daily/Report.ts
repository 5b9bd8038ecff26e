/** A day against the 7 before it: pure, of what was read. What is not known is null, and never 0. */
import { Schema } from "effect"
import { formatted } from "../../charts/units.ts"
import { measures, Name, names } from "./measures.ts"

export const daysBefore = 7

/** By measure, a value for each of the days before, oldest first, and then for the day itself. */
export type Observed = Readonly<Record<Name, ReadonlyArray<number | null>>>

const Value = Schema.NullOr(Schema.Finite)

const Line = Schema.Struct({
  name: Name,
  value: Value,
  /** Of those of the days before that are known: so many `days`. */
  mean: Value,
  days: Schema.Int,
  /** Relative to the mean; null where one of the two is not known, or the mean is 0. */
  change: Value,
  /** The days before, oldest first, and the day. */
  series: Schema.Array(Value)
})
export type Line = typeof Line.Type

export const Alert = Schema.Struct({
  name: Schema.String,
  severity: Schema.String,
  times: Schema.Int,
  minutes: Schema.Int
})
export type Alert = typeof Alert.Type

export const Report = Schema.Struct({
  date: Schema.String,
  /** Of a day that is not over nothing is compared. */
  isOver: Schema.Boolean,
  days: Schema.Array(Schema.String),
  lines: Schema.Array(Line),
  /** The largest changes, of what there is enough of. */
  changes: Schema.Array(Name),
  /** Null when nobody knows; empty when none fired. */
  alerts: Schema.NullOr(Schema.Array(Alert)),
  missing: Schema.Array(Schema.Struct({ what: Schema.String, reason: Schema.String }))
})
export type Report = typeof Report.Type

const finite = (value: number) => (Number.isFinite(value) ? value : null)

export const line = (name: Name, series: ReadonlyArray<number | null>): Line => {
  const before = series.slice(0, -1).filter((value) => value !== null)
  const value = series.at(-1) ?? null
  // A sum of what can hardly be told is beyond all numbers, and so are its shares.
  const mean = before.length === 0 ? null : finite(before.reduce((sum, one) => sum + one, 0) / before.length)
  const change = value === null || mean === null || mean === 0 ? null : finite((value - mean) / mean)
  return { name, value, mean, days: before.length, change, series }
}

const mostChanges = 3
/** A twentieth more or less is a day like any other. */
const leastChange = 0.05

/** From nothing to something is more than any share. */
const sizeOf = ({ change, mean, value }: Line): number => {
  if (change !== null) return Math.abs(change)
  return mean === 0 && value !== null && value !== 0 ? Infinity : 0
}

export const changesOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Name> => {
  const known = new Map(lines.map((one) => [one.name, one]))
  const isEnough = ({ name }: Line) => {
    const [of, amount] = measures[name].least
    const volume = known.get(of)
    return volume !== undefined && Math.max(volume.value ?? 0, volume.mean ?? 0) >= amount
  }
  return lines
    .filter((one) => isEnough(one) && sizeOf(one) >= leastChange)
    .toSorted((a, b) => {
      const [sizeA, sizeB] = [sizeOf(a), sizeOf(b)]
      // Two from nothing are as they come: Infinity less itself is no number.
      return sizeA === sizeB ? 0 : sizeB - sizeA
    })
    .slice(0, mostChanges)
    .map(({ name }) => name)
}

export const linesOf = (observed: Observed): ReadonlyArray<Line> => names.map((name) => line(name, observed[name]))

/** `€2.50`, `no data`. */
export const shown = (name: Name, value: number | null): string =>
  formatted(value ?? undefined, measures[name].unit, measures[name].decimals)

/** `+12 %`, `from 0`, or nothing. */
export const shownChange = (one: Line): string => {
  const { change } = one
  if (change === null) return sizeOf(one) === Infinity ? "from 0" : ""
  const percent = Math.round(change * 100)
  if (!Number.isFinite(percent)) return ""
  return percent === 0 ? "±0 %" : `${percent > 0 ? "+" : "−"}${formatted(Math.abs(percent), "short", 0)} %`
}

/** Whether a change is good, or bad; neither, where it is small or that depends. */
export const judged = (one: Line): "good" | "bad" | undefined => {
  const { better } = measures[one.name]
  if (better === undefined || one.value === null || one.mean === null || sizeOf(one) < leastChange) return undefined
  return one.value > one.mean === (better === "more") ? "good" : "bad"
}

const of = (report: Report, name: Name) => report.lines.find((one) => one.name === name)?.value ?? null

const counted = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`

/** The day in one line: the mail's subject, and the summary of the suite. */
export const headline = (report: Report): string => {
  const [turns, users, cost] = [of(report, "turns"), of(report, "users_active"), of(report, "cost")]
  const parts = [
    ...(turns === null ? [] : [`${shown("turns", turns)} ${turns === 1 ? "turn" : "turns"}`]),
    ...(users === null ? [] : [`${shown("users_active", users)} ${users === 1 ? "user" : "users"}`]),
    ...(cost === null ? [] : [`${shown("cost", cost)} spent`]),
    ...(report.alerts === null
      ? []
      : [report.alerts.length === 0 ? "no alerts" : counted(report.alerts.length, "alert")])
  ]
  return parts.length === 0 ? "no data" : parts.join(", ")
}
