/** `npm run monitoring:automation`, and the `make monitoring-...` that name one of its scripts. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, Stdio } from "effect"
import { layerProvider } from "../stack/settings.ts"
import { run } from "./Automation.ts"

Effect.flatMap(Stdio.Stdio, ({ args }) => Effect.flatMap(args, (args) => run(args, layerProvider))).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
