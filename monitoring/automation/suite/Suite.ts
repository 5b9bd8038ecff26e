/** Scripts one after the other: each has its turn, whatever became of those before it. */
import { Cause, Clock, Console, Effect, Predicate, Schema } from "effect"
import { Paint, plain } from "../Paint.ts"
import * as Script from "../Script.ts"

export interface Step<R> {
  readonly name: string
  readonly run: (common: Script.Common) => Effect.Effect<Script.Outcome, unknown, R>
}

export const Report = Schema.Struct({
  state: Script.State,
  steps: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      state: Script.State,
      seconds: Schema.Finite,
      summary: Schema.String,
      /** What the script prints with `--json`; nothing, if it failed. */
      report: Schema.Unknown
    })
  )
})
export type Report = typeof Report.Type

/** A script that fails has not done what somebody relies on. */
const failed = (cause: Cause.Cause<unknown>): Effect.Effect<Script.Outcome> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
  const error = Cause.squash(cause)
  const isOurs = error instanceof Error && Predicate.hasProperty(error, "_tag") && error.message !== ""
  const summary = `failed: ${plain(isOurs ? error.message : (Cause.pretty(cause).split("\n")[0] ?? ""))}`
  return Effect.succeed({ state: "critical", summary, text: isOurs ? summary : Cause.pretty(cause), json: null })
}

/** Of some scripts, in this order. */
export const of = <R>(steps: ReadonlyArray<Step<R>>) =>
  Effect.fn("suite")(function* (common: Script.Common) {
    const { paint, table } = yield* Paint
    const done = yield* Effect.forEach(
      steps,
      Effect.fnUntraced(function* ({ name, run }) {
        if (!common.json) yield* Console.log(paint("bold", `== ${name}`))
        const start = yield* Clock.currentTimeMillis
        const { json, state, summary, text } = yield* Effect.catchCause(run(common), failed)
        const seconds = Math.round(((yield* Clock.currentTimeMillis) - start) / 100) / 10
        if (!common.json) yield* Console.log(`${text}\n`)
        return { name, state, seconds, summary, report: json }
      })
    )
    const report: Report = { state: Script.worst(done.map(({ state }) => state)), steps: done }
    const rows = done.map(({ name, seconds, state, summary }) => [
      name,
      { text: state, colour: Script.colourOf[state] },
      seconds === 0 ? "< 0.1 s" : `${seconds} s`,
      summary
    ])
    const outcome: Script.Outcome = {
      state: report.state,
      summary: done.map(({ name, state }) => `${name} ${state}`).join(", "),
      text: `${paint("bold", "== summary")}\n${table(["script", "state", "took", "came to"], rows)}`,
      json: yield* Effect.orDie(Schema.encodeEffect(Report)(report))
    }
    return outcome
  })
