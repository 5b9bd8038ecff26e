/** `make monitoring-health`: does Parley work, and does what watches it? */
import { DateTime, Effect, Option, Schema } from "effect"
import * as Day from "../Day.ts"
import { Paint } from "../Paint.ts"
import * as Script from "../Script.ts"
import * as alertmanager from "./alertmanager.ts"
import * as api from "./api.ts"
import { type Finding, Finding as FindingSchema, look } from "./Check.ts"
import * as dashboards from "./dashboards.ts"
import * as prometheus from "./prometheus.ts"

export const Report = Schema.Struct({
  /** The moment that it tells of. */
  at: Schema.String,
  state: Script.State,
  checks: Schema.Array(FindingSchema)
})
type Report = typeof Report.Type

const text = Effect.fnUntraced(function* ({ at, checks }: Report) {
  const { paint, table } = yield* Paint
  // What has one cause is told once.
  const alike = Map.groupBy(checks, ({ seen, state, todo }) => JSON.stringify([state, seen, todo]))
  const rows = [...alike.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return []
    const { seen, state, todo } = first
    return [
      [
        [first, ...others].map(({ check }) => check).join("\n"),
        { text: state, colour: Script.colourOf[state] },
        todo === "" ? seen : `${seen}\n-> ${todo}`
      ]
    ]
  })
  const summary = inWords(checks)
  const worst = Script.worst(checks.map(({ state }) => state))
  return `${table(["check", "state", "what was seen, and what to do"], rows)}\n\n${paint(Script.colourOf[worst], summary)}, ${at}`
})

const inWords = (checks: ReadonlyArray<Finding>) => {
  const count = (state: Script.State) => checks.filter((one) => one.state === state).length
  return Script.states.map((state) => `${count(state)} ${state}`).join(", ")
}

/** What cannot be looked at afterwards is left out for a day that is over. */
const checksOf = (at: DateTime.Utc | undefined) =>
  at === undefined
    ? [
        ...api.checks,
        ...prometheus.checksNow,
        ...prometheus.checksAt(undefined),
        ...alertmanager.checks,
        dashboards.check(undefined)
      ]
    : [...prometheus.checksAt(at), dashboards.check(at)]

/** For the suite, too. */
export const run = Effect.fn("health")(function* ({ date }: Script.Common) {
  const today = yield* Day.today
  const past = Option.filter(date, ({ name }) => name !== today.name)
  const at = Option.getOrUndefined(Option.map(past, ({ end }) => DateTime.subtract(end, { seconds: 1 })))
  const checks = yield* look(checksOf(at))
  const report: Report = {
    at: DateTime.formatIso(at ?? (yield* DateTime.now)),
    state: Script.worst(checks.map(({ state }) => state)),
    checks
  }
  const outcome: Script.Outcome = {
    state: report.state,
    summary: inWords(checks),
    text: yield* text(report),
    json: yield* Effect.orDie(Schema.encodeEffect(Report)(report))
  }
  return outcome
})

export const health = Script.command("health", {
  description:
    "Looks whether Parley works, and everything that watches it: the API, its database, Prometheus with targets and rules, Alertmanager and its heartbeat, the queries of the dashboards, and what fires. Writes nothing. Exit codes: 0 all is well, 1 a warning, 2 critical, 3 it could not begin.",
  flags: Script.flags("How it was at the end of that day, as far as Prometheus remembers; without it, how it is now"),
  isJson: ({ json }) => json,
  run
})
