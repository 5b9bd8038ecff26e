/** How every program of the server begins: settings read, logs on, and a failure told in words instead of a stack. */
import { NodeCrypto, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Layer, Predicate } from "effect"
import * as Entropy from "./entropy.ts"
import * as Settings from "./Settings/Settings.ts"
import * as Logging from "./Telemetry/Logging.ts"

/** What programs stand on: settings, logs, files, randomness. */
export const layer = Logging.layer.pipe(
  Layer.provideMerge(Settings.layerProvider),
  // What comes later stands in the place of what came before.
  Layer.provideMerge(Layer.mergeAll(NodeCrypto.layer, Entropy.layer, NodeServices.layer))
)

/** Errors of ours say what to do; where they were raised helps nobody at boot. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  // The command line has told what was wrong with it.
  if (Predicate.isTagged(error, "ShowHelp")) return ""
  return Predicate.hasProperty(error, "_tag") && error instanceof Error && error.message !== ""
    ? error.message
    : Cause.pretty(cause)
}

/** Runs until it is done or told to stop. A failure is told on standard error and ends with exit code 1. */
export const run = <E>(program: Effect.Effect<unknown, E>): void =>
  program.pipe(
    Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(explain(cause)))),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
