/** Where the judge is: a provider, any OpenAI-compatible server, or without a key the offline stand-in. */
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { modelId, OfflineModel } from "@parley/server/Agent/Offline/OfflineModel"
import type { Model } from "../Evaluation.ts"
import { settings } from "../settings.ts"
import { judge } from "./offlineJudge.ts"

export class JudgeEndpoint extends Context.Service<
  JudgeEndpoint,
  {
    /** Without a slash at its end. */
    readonly baseUrl: string
    readonly apiKey: Redacted.Redacted
    /** Of metrics that name no other. */
    readonly model: Model
  }
>()("@parley/evals/JudgeEndpoint") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const apiKey = yield* settings.apiKey.config
      const baseUrl = yield* settings.baseUrl.config
      if (Option.isNone(apiKey) && Option.isNone(baseUrl)) return JudgeEndpoint.layerOffline
      return Layer.succeed(JudgeEndpoint, {
        baseUrl: Option.match(baseUrl, {
          onNone: () => "https://api.openai.com/v1",
          onSome: ({ href }) => href.replace(/\/$/u, "")
        }),
        apiKey: Option.getOrElse(apiKey, () => Redacted.make("none")),
        model: { model: yield* settings.model.config, isOffline: false }
      })
    })
  )

  static readonly layerOffline = Layer.effect(
    JudgeEndpoint,
    Effect.map(OfflineModel, ({ baseUrl }) => ({
      baseUrl,
      apiKey: Redacted.make("offline"),
      model: { model: modelId, isOffline: true }
    }))
  ).pipe(Layer.provide(OfflineModel.layerSaying(judge)))
}
