/** `make monitoring-costs`: what model calls cost, who and what made them, and how to pay less. */
import { Effect, Option, Schema } from "effect"
import { Flag } from "effect/cli"
import { formatted } from "../../charts/units.ts"
import * as Script from "../Script.ts"
import * as Costs from "./Costs.ts"
import { render } from "./text.ts"
import * as Window from "./window.ts"

const days = Script.whole("days", 1, 366, "days").pipe(
  Flag.withDescription("So many days, ending with that of --date, instead of its month so far"),
  Flag.withMetavar("COUNT"),
  Flag.optional
)

export interface Input extends Script.Common {
  readonly days: Option.Option<number>
}

/** For the suite, too. */
export const run = Effect.fn("costs")(function* (input: Input) {
  const report = yield* Costs.read(yield* Window.of(input.date, input.days))
  const { findings, missing, monthEur } = report
  const ways = findings.length === 1 ? "one way" : `${findings.length} ways`
  const month = monthEur === null ? "no data" : `${formatted(monthEur, "currencyEUR", 2)} a month`
  const outcome: Script.Outcome = {
    state: findings.length > 0 || missing.length > 0 || monthEur === null ? "warning" : "ok",
    summary: findings.length === 0 ? month : `${month}, ${ways} to pay less`,
    text: yield* render(Script.shown(Costs.Report, report)),
    json: yield* Effect.orDie(Schema.encodeEffect(Costs.Report)(report))
  }
  return outcome
})

export const costs = Script.command("costs", {
  description:
    "Tells what model calls cost, by model, route and user, and how to pay less, each in euros a month. Exit codes: 0 nothing to save; 1 there is something to save, a source is away, or there is no data; 3 it could not begin.",
  flags: { ...Script.flags("The last day that counts; without it, today"), days },
  isJson: ({ json }) => json,
  run
})
