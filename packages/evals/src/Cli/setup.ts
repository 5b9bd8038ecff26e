/** What a run stands on, by what it is of: layers are built when it is known what will be needed. */
import { NodeHttpClient } from "@effect/platform-node"
import * as Standalone from "@parley/server/Agent/Standalone"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import type { SourceKind } from "../Evaluation.ts"
import { Judge } from "../Judge/Judge.ts"
import { JudgeCache } from "../Judge/JudgeCache.ts"
import { JudgeEndpoint } from "../Judge/JudgeEndpoint.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { dataFolder, settings } from "../settings.ts"
import { Langfuse } from "../Sources/Langfuse.ts"
import { answer } from "../Sources/live.ts"

/** Whatever is wrong before a run begins is for a person to mend. */
export const mendable = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) =>
    error instanceof Misconfigured ? error : new Misconfigured({ message: error.message })
  )

/** Another judge than that of the settings. */
export const withJudge =
  (model: Option.Option<string>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Option.match(model, {
      onNone: () => effect,
      onSome: (name) =>
        Effect.flatMap(ConfigProvider.ConfigProvider, (provider) =>
          Effect.provideService(
            effect,
            ConfigProvider.ConfigProvider,
            ConfigProvider.orElse(ConfigProvider.fromUnknown({ [settings.model.name]: name }), provider)
          )
        )
    })

/** A key or an address is set: somebody else than the stand-in judges. */
export const isJudgeConfigured = mendable(
  Effect.gen(function* () {
    return Option.isSome(yield* settings.apiKey.config) || Option.isSome(yield* settings.baseUrl.config)
  })
)

export const folders = Effect.map(mendable(dataFolder), (data) => ({ runs: `${data}/runs`, cache: `${data}/cache` }))

/** The judge and what it said before, for as long as the scope is open. */
export const judging = (cacheFolder: string | undefined) =>
  Layer.mergeAll(Judge.layer, cacheFolder === undefined ? JudgeCache.layerNone : JudgeCache.layerIn(cacheFolder)).pipe(
    Layer.provide(JudgeEndpoint.layer),
    Layer.provide([NodeHttpClient.layerUndici, Standalone.layerPrices]),
    Layer.build,
    mendable
  )

export const checked = (kind: SourceKind) =>
  mendable(Standalone.checkSettings(kind === "live", Object.values(settings)))

/** The agent that answers, of the source `live`; production, of the source `langfuse`. */
export const answering = Effect.fnUntraced(function* (kind: SourceKind) {
  if (kind !== "live") return undefined
  const context = yield* mendable(Layer.build(Layer.mergeAll(Standalone.layer, Standalone.layerPrices)))
  const agent = yield* mendable(Effect.provideContext(Standalone.answering, context))
  return { agent, answer: (question: Parameters<typeof answer>[0]) => Effect.provideContext(answer(question), context) }
})

export const production = Effect.fnUntraced(function* (kind: SourceKind) {
  return kind === "langfuse" ? yield* Layer.build(Langfuse.layer) : undefined
})
