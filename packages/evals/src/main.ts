/** The command line of evaluations. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import * as Standalone from "@parley/server/Agent/Standalone"
import { Cause, Console, Effect, Layer, Predicate, References, Runtime, Schema, Terminal } from "effect"
import { CliError, Command } from "effect/cli"
import { calibrateCommand } from "./Cli/calibrateCommand.ts"
import { metricsCommand } from "./Cli/metricsCommand.ts"
import { runCommand } from "./Cli/runCommand.ts"
import { compareCommand } from "./Compare/Command.ts"

const evals = Command.make("evals").pipe(
  Command.withDescription("Measures how good the agent's answers are"),
  Command.withSubcommands([runCommand, compareCommand, calibrateCommand, metricsCommand])
)

/** Errors of ours say what to do. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (Predicate.isTagged(error, "NotPassed") || Predicate.isTagged(error, "Misused")) return ""
  return Predicate.hasProperty(error, "_tag") && error instanceof Error && error.message !== ""
    ? error.message
    : Cause.pretty(cause)
}

/** What was wrong with the command line was told with its help. */
class Misused extends Schema.TaggedError<Misused>()("Misused", {}) {
  override readonly [Runtime.errorExitCode] = 2
}

let interrupts = 0
// The first lets the run end well, who presses twice is in a hurry.
process.on("SIGINT", () => {
  if (++interrupts > 1) process.exit(130)
})

evals.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.catchIf(CliError.isCliError, () => Effect.fail(new Misused())),
  // Ctrl-C at a question.
  Effect.catchIf(Terminal.isQuitError, () => Effect.interrupt),
  Effect.tapCause((cause) => {
    const words = Cause.hasInterruptsOnly(cause) ? "" : explain(cause)
    return words === "" ? Effect.void : Console.error(words)
  }),
  Effect.provide(
    Layer.mergeAll(Standalone.layerSettings, Layer.succeed(References.MinimumLogLevel, "Warn")).pipe(
      Layer.provideMerge(NodeServices.layer)
    )
  ),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
