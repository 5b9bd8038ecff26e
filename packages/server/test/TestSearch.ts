/** The agent's web search, as tests of it see it. */
import { Effect, Layer } from "effect"
import type { ToolFailed } from "../src/Agent/Tools/Tool.ts"
import * as WebSearch from "../src/Agent/Tools/WebSearch.ts"
import { layer as layerLog, TestLog } from "./TestLog.ts"
import { layerConfig } from "./TestServer.ts"

type Environment = Readonly<Record<string, string>>

/** What the model is told by a server with these settings. */
export const execute = (environment: Environment, query: string) =>
  WebSearch.make.pipe(
    Effect.flatMap(Effect.fromOption),
    Effect.provide(layerConfig(environment)),
    Effect.orDie,
    Effect.flatMap((tool) => tool.execute({ query }))
  )

/** What the model is told by an engine on this machine. */
export const search = ({ url }: { readonly url: string }, query = "otters") =>
  execute({ WEB_SEARCH_URL: url, WEB_SEARCH_ALLOW_PRIVATE: "true" }, query)

/** Why there is nothing for the model, and what the log says of it. */
export const failure = <R>(searching: Effect.Effect<string, ToolFailed, R>) =>
  Effect.gen(function* () {
    const { lines } = yield* TestLog
    const { reason } = yield* Effect.flip(searching)
    return { reason, log: lines.join() }
  }).pipe(Effect.provide(Layer.fresh(layerLog)))
