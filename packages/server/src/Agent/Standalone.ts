/**
 * The agent without its server, for programs that only want its answers, such as an evaluation: the same prompt, tools,
 * graph and model calls. There is no database, so it remembers nothing: each question is a conversation of its own.
 */
import { Effect, Layer, Option } from "effect"
import * as Settings from "../Settings/Settings.ts"
import type { Setting } from "../Settings/Setting.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Prices } from "../Usage/Prices.ts"
import { settings as usage } from "../Usage/settings.ts"
import { Agent } from "./Agent.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { ModelBreaker } from "./ModelBreaker.ts"
import { ModelEndpoint } from "./ModelEndpoint.ts"
import { modelOptions, modelsOf, settings } from "./settings.ts"
import { Tools } from "./Tools/Tools.ts"

const layerForgetful = Layer.succeed(CheckpointRepo, {
  load: () => Effect.succeed(Option.none()),
  list: () => Effect.succeed([]),
  write: () => Effect.void,
  commit: () => Effect.void,
  // A turn's own statement is made by whoever stores turns, and there is nowhere to store them.
  committing: () => {
    throw new Error("The standalone agent has no database to commit to")
  },
  prune: () => Effect.void,
  deleteThreads: () => Effect.void
})

/** Wants files. The endpoint is there for who wants to tell which model answers. */
export const layer = Agent.layerNoDeps.pipe(
  Layer.provide([layerForgetful, ModelBreaker.layer, Tools.layer, Metrics.layer]),
  Layer.provideMerge(ModelEndpoint.layer)
)

/** Where the server finds its settings, and so whoever measures it. */
export const layerSettings = Settings.layerProvider

/** Fails with all that is wrong with what prices read, with the settings given, and with the agent's if it is to answer. */
export const checkSettings = (isAnswering: boolean, more: ReadonlyArray<Setting<unknown>>) =>
  Settings.check([...(isAnswering ? Object.values(settings) : []), usage.pricesFile, ...more])

/** The model that is asked first. */
export const answering = Effect.gen(function* () {
  const endpoint = yield* ModelEndpoint
  const [model = ""] = modelsOf(endpoint, yield* modelOptions)
  return { model, isOffline: endpoint.onlyModel !== undefined }
})

/** What tokens cost, as users are charged for them. */
export const layerPrices = Prices.layer

export const costEur = (model: string, inputTokens: number, outputTokens: number) =>
  Effect.flatMap(Prices, (prices) => prices.costEur(model, inputTokens, outputTokens))
