/** `evals metrics` */
import { Console, Effect } from "effect"
import { Command } from "effect/cli"
import * as Metrics from "../Metrics/Metrics.ts"
import { amount } from "../Report/words.ts"
import { flags } from "./options.ts"

export const metricsCommand = Command.make(
  "metrics",
  { prompts: flags.prompts },
  Effect.fn(function* ({ prompts }) {
    for (const { description, direction, kind, name, threshold, unit, version } of yield* Metrics.load(prompts, {
      model: "",
      isOffline: true
    })) {
      const bound = threshold === undefined ? "" : ` ${direction === "higher" ? "≥" : "≤"} ${amount(threshold, unit)}`
      const how = kind === "judge" ? "judged" : "measured"
      yield* Console.log(`${`${name}${bound}`.padEnd(26)} ${how}, version ${version}. ${description}`)
    }
  })
).pipe(Command.withDescription("Lists the metrics, and says what is wrong with them"))
