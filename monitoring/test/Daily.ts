/** The report of a day, run in this process on a database of its own. */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Option, Schema } from "effect"
import { run } from "../automation/daily/command.ts"
import type { Name } from "../automation/daily/measures.ts"
import { Report } from "../automation/daily/Report.ts"
import * as Day from "../automation/Day.ts"
import { Planted, told } from "./Planted.ts"

export const World = Layer.merge(Planted.layer, NodeServices.layer)

const decode = Schema.decodeUnknownEffect(
  Schema.Struct({ ...Report.fields, archive: Schema.NullOr(Schema.String), mail: Schema.String })
)

export const folder = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "parley-daily-" })
)

/** A day of the past, so that it is over whenever the test runs. */
export const someDay = Effect.map(Day.today, (day) => Day.plus(day, -2))

export const daily = Effect.fnUntraced(function* (
  directory: string,
  variables: Readonly<Record<string, string>> = {},
  flags: { readonly dryRun?: boolean; readonly resend?: boolean; readonly date?: Day.Day } = {}
) {
  const { url } = yield* Planted
  const { date = yield* someDay, dryRun = false, resend = false } = flags
  const outcome = yield* Effect.provide(
    run({ json: false, dryRun, resend, date: Option.some(date) }),
    told({ POSTGRES_URL: url, MONITORING_DIR: directory, REPORT_TO: "founder@example.com", ...variables })
  )
  return { ...outcome, report: yield* decode(outcome.json) }
})

export const valueOf = (report: Report, name: Name) => {
  const found = report.lines.find((one) => one.name === name)
  return [found?.value ?? null, found?.mean ?? null].map((value) =>
    value === null ? null : Math.round(value * 1e6) / 1e6
  )
}

/** Twelve people of five turns on each day of the week before, and twice as many on the day itself; and payments. */
const planted = Layer.effectDiscard(
  Effect.gen(function* () {
    const { payments, turns, user } = yield* Planted
    const day = yield* someDay
    const people = yield* Effect.all(Array.from({ length: 24 }, () => user))
    const at = (days: number) => `${Day.plus(day, -days).name}T23:59:59.999Z`
    const of = (days: number, count: number) =>
      people.slice(0, count).flatMap((user) => Array.from({ length: 5 }, () => ({ user, at: at(days), eur: 0.02 })))
    yield* turns([...[1, 2, 3, 4, 5, 6, 7].flatMap((days) => of(days, 12)), ...of(0, 24)])
    // Asked in vain: no turn that was answered.
    yield* turns([{ user: people[0] ?? "", at: at(0), eur: 0.1, failed: true }])
    yield* payments(
      [0, 1, 2, 3, 4, 5, 6, 7].flatMap((days) => [
        ...Array.from({ length: 12 }, () => ({ at: at(days), cents: 1900, status: "succeeded" })),
        { at: at(days), cents: 900, status: "refunded" },
        ...Array.from({ length: days === 0 ? 13 : 1 }, () => ({ at: at(days), cents: 1900, status: "failed" }))
      ])
    )
  })
)

/** With these in it. */
export const BusyWorld = Layer.provideMerge(planted, World)
