/** `npm run monitoring:automation`, and the `make monitoring-...` that name one of its scripts. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Layer, Stdio } from "effect"
import { layerProvider } from "../stack/settings.ts"
import { run } from "./Automation.ts"

Effect.flatMap(Stdio.Stdio, ({ args }) => Effect.flatMap(args, run)).pipe(
  Effect.provide(layerProvider.pipe(Layer.provideMerge(NodeServices.layer))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
