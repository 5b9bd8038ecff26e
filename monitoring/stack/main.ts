/** `make monitoring-start` and `make monitoring-stop`. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Layer, Predicate } from "effect"
import { Command } from "effect/cli"
import * as Compose from "./compose.ts"
import * as Native from "./native.ts"
import { layerProvider, settings } from "./settings.ts"

const start = Command.make(
  "start",
  {},
  Effect.fn(function* () {
    const found = yield* settings
    yield* found.isNative ? Native.start(found) : Compose.start(found)
  })
).pipe(
  Command.withDescription(
    "Starts Prometheus, Alertmanager, Grafana and exporters with docker compose; with MONITORING_NATIVE=1 Prometheus and Alertmanager as processes of this machine, under .data/monitoring. monitoring/QUICK_START.md has the settings."
  )
)

const stop = Command.make(
  "stop",
  {},
  Effect.fn(function* () {
    const found = yield* settings
    yield* found.isNative || (yield* Native.isRunning(found)) ? Native.stop(found) : Compose.stop(found)
  })
).pipe(Command.withDescription("Stops what start has started, and waits until it has ended"))

const monitoring = Command.make("monitoring").pipe(
  Command.withDescription("The monitoring stack"),
  Command.withSubcommands([start, stop])
)

/** Errors of ours say what to do. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (Predicate.isTagged(error, "ShowHelp")) return ""
  return error instanceof Error && Predicate.hasProperty(error, "_tag") ? error.message : Cause.pretty(cause)
}

Command.run(monitoring, { version: "0.1.0" }).pipe(
  Effect.provide(layerProvider.pipe(Layer.provideMerge(NodeServices.layer))),
  Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(explain(cause)))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
