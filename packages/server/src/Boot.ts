/** How every program of the server begins: settings read, logs on, and a failure told in words instead of a stack. */
import { NodeCrypto, NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Layer, Predicate, Runtime } from "effect"
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

const runMain = (teardown: Runtime.Teardown) => {
  const runMain = NodeRuntime.runMain({ disableErrorReporting: true, teardown })
  return <E>(program: Effect.Effect<unknown, E>): void =>
    program.pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(explain(cause)))),
      runMain
    )
}

/** Runs until it is done or told to stop. A failure is told on standard error and ends with exit code 1. */
export const run = runMain(Runtime.defaultTeardown)

/** Within it a signal is the first one, handed on: Ctrl-C reaches a server by the terminal and by npm. */
const sameSignalMillis = 1000

/** Nothing is put in order then. What that leaves behind is what a crash leaves. */
const endWhenToldTwice = (): void => {
  let isTold = false
  let isLeft = false
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const)
    process.on(name, () => {
      if (isLeft) process.exit(code)
      if (isTold) return
      isTold = true
      setTimeout(() => void (isLeft = true), sameSignalMillis).unref()
    })
}

/** Runs a server until it is told to stop: then 0 is its exit code, when all was put in order. */
export const serve = <E>(program: Effect.Effect<unknown, E>): void => {
  endWhenToldTwice()
  runMain((exit, onExit) => Runtime.defaultTeardown(exit, (code) => onExit(code === 130 ? 0 : code)))(program)
}
