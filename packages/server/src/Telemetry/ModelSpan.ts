/** One request to a model as a span, in the names of OpenTelemetry's conventions for generative AI, and as a generation. */
import { Effect } from "effect"
import { observe } from "./Observations.ts"

export interface Parameters {
  readonly temperature?: number
  readonly maxTokens?: number
}

export interface Asked {
  readonly model: string
  readonly parameters: Parameters
  /** Asked for only where it is shown. */
  readonly messages: () => unknown
}

export interface Heard {
  /** As whoever answered calls itself. */
  readonly model: string
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  /** Of the input, what the provider had at hand. */
  readonly cachedTokens: number | undefined
  readonly finishReason: string | undefined
  readonly startedAtMillis: number
  readonly firstAtMillis: number | undefined
  readonly text: () => unknown
}

export const around =
  ({ messages, model, parameters: { maxTokens, temperature } }: Asked) =>
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.andThen(
      observe(() => ({
        type: "generation",
        model,
        input: messages,
        modelParameters: {
          ...(temperature === undefined ? {} : { temperature }),
          ...(maxTokens === undefined ? {} : { max_tokens: maxTokens })
        }
      })),
      call
    ).pipe(
      Effect.withSpan(`chat ${model}`, {
        kind: "client",
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": model,
          ...(temperature === undefined ? {} : { "gen_ai.request.temperature": temperature }),
          ...(maxTokens === undefined ? {} : { "gen_ai.request.max_tokens": maxTokens })
        }
      })
    )

/** Within `around`, however the call ended. */
export const heard = (what: Heard): Effect.Effect<void> => {
  const { cachedTokens, firstAtMillis, inputTokens, outputTokens } = what
  const usage = {
    ...(inputTokens === undefined ? {} : { input: inputTokens - (cachedTokens ?? 0) }),
    ...(cachedTokens === undefined ? {} : { input_cached_tokens: cachedTokens }),
    ...(outputTokens === undefined ? {} : { output: outputTokens })
  }
  return observe(
    () => ({
      type: "generation",
      usage,
      output: what.text,
      model: what.model,
      ...(firstAtMillis === undefined ? {} : { firstTokenMillis: firstAtMillis })
    }),
    {
      "gen_ai.response.model": what.model,
      "gen_ai.response.finish_reasons": what.finishReason === undefined ? undefined : [what.finishReason],
      "gen_ai.usage.input_tokens": inputTokens,
      "gen_ai.usage.output_tokens": outputTokens,
      "gen_ai.usage.cache_read.input_tokens": cachedTokens,
      "gen_ai.response.time_to_first_chunk":
        firstAtMillis === undefined ? undefined : (firstAtMillis - what.startedAtMillis) / 1000
    }
  )
}
