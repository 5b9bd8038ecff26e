/** `make monitoring-health`: is everything that watches Parley, and Parley itself, as it should be? */
import { Effect, Schema } from "effect"
import { Prometheus } from "../Prometheus.ts"
import * as Script from "../Script.ts"

const Report = Schema.Struct({ state: Script.State, url: Schema.String })

/** For the suite, too. */
export const run = Effect.fn("health")(function* (_common: Script.Common) {
  const prometheus = yield* Prometheus
  const state: Script.State = yield* Effect.match(prometheus.targets, {
    onFailure: () => "critical" as const,
    onSuccess: () => "ok" as const
  })
  const report = { state, url: prometheus.url }
  const outcome: Script.Outcome = {
    state,
    summary: `Prometheus is ${state}`,
    text: `Prometheus is ${yield* Script.painted(state)}`,
    json: yield* Effect.orDie(Schema.encodeEffect(Report)(report))
  }
  return outcome
})

export const health = Script.command("health", {
  description: "Looks whether Parley and everything that watches it works.",
  flags: Script.flags("How it was at the end of that day; without it, how it is now"),
  isJson: ({ json }) => json,
  run
})
