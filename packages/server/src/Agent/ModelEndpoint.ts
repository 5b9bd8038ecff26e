/** Where the model is: a provider, any OpenAI-compatible server, or in development without a key the offline stand-in. */
import { Context, Effect, Layer, Option, Redacted } from "effect"
import { modelId, OfflineModel } from "./Offline/OfflineModel.ts"
import { settings } from "./settings.ts"

export class ModelEndpoint extends Context.Service<
  ModelEndpoint,
  {
    /** `undefined` is the client library's own default, OpenAI. */
    readonly baseUrl: string | undefined
    readonly apiKey: Redacted.Redacted
    /** The only one there is, whatever LLM_MODEL says. */
    readonly onlyModel?: string
  }
>()("@parley/server/Agent/ModelEndpoint") {
  static readonly layer = Layer.unwrap(
    Effect.gen(function* () {
      const apiKey = yield* settings.apiKey.config
      const baseUrl = Option.map(yield* settings.baseUrl.config, (url) => url.href)
      if (Option.isNone(apiKey) && Option.isNone(baseUrl)) return ModelEndpoint.layerOffline
      return Layer.succeed(ModelEndpoint, {
        baseUrl: Option.getOrUndefined(baseUrl),
        // Servers such as Ollama ask for no key, but the client library insists on one.
        apiKey: Option.getOrElse(apiKey, () => Redacted.make("none"))
      })
    })
  )

  static readonly layerOffline = Layer.effect(
    ModelEndpoint,
    Effect.gen(function* () {
      const { baseUrl } = yield* OfflineModel
      yield* Effect.logInfo("No LLM_API_KEY: the offline stand-in answers, which is no language model")
      return { baseUrl, apiKey: Redacted.make("offline"), onlyModel: modelId }
    })
  ).pipe(Layer.provide(OfflineModel.layer))
}
