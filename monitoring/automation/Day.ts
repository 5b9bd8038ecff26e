/** A day in UTC, as `--date` names it. */
import { DateTime, Effect, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"

export interface Day {
  /** Such as 2026-11-26. */
  readonly name: string
  /** Its first moment, and the first that is not of it any more. */
  readonly start: DateTime.Utc
  readonly end: DateTime.Utc
}

export const of = (moment: DateTime.Utc): Day => {
  const start = DateTime.startOf(moment, "day")
  return { name: DateTime.formatIsoDateUtc(start), start, end: DateTime.add(start, { days: 1 }) }
}

/** So many days later, or earlier. */
export const plus = (day: Day, days: number): Day => of(DateTime.add(day.start, { days }))

export const today = Effect.map(DateTime.now, of)
export const yesterday = Effect.map(today, (day) => plus(day, -1))

const parse = (text: string): Option.Option<Day> =>
  /^\d{4}-\d{2}-\d{2}$/u.test(text)
    ? DateTime.make(`${text}T00:00:00Z`).pipe(
        Option.map((moment) => of(DateTime.toUtc(moment))),
        // 30 February is not 2 March.
        Option.filter(({ name }) => name === text)
      )
    : Option.none()

const refuse = (value: string, expected: string) =>
  Effect.fail(new CliError.InvalidValue({ option: "date", value, expected, kind: "flag" }))

/** `--date`: a day that there was, or today. */
export const flag = Flag.String("date").pipe(
  Flag.mapEffect(
    Effect.fnUntraced(function* (text) {
      const day = parse(text)
      if (Option.isNone(day)) return yield* refuse(text, "a day there is, as YYYY-MM-DD")
      if (DateTime.isGreaterThan(day.value.start, yield* DateTime.now)) {
        return yield* refuse(text, `a day that is not in the future: in UTC it is ${(yield* today).name}`)
      }
      return day.value
    })
  ),
  Flag.optional,
  Flag.withMetavar("YYYY-MM-DD")
)

export const Name = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/u))
