/** What the judge has said before, so that nobody pays for the same judgement twice. */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { KeyValueStore } from "effect/persistence"
import type { Metric, Sample } from "../Evaluation.ts"
import { hashOf } from "../hash.ts"
import { Judgement } from "./Judge.ts"
import { JudgeEndpoint } from "./JudgeEndpoint.ts"
import { sampleHash } from "./prompt.ts"

export class JudgeCache extends Context.Service<
  JudgeCache,
  {
    readonly get: (metric: Metric, sample: Sample) => Effect.Effect<Option.Option<Judgement>>
    readonly set: (metric: Metric, sample: Sample, judgement: Judgement) => Effect.Effect<void>
  }
>()("@parley/evals/JudgeCache") {
  /**
   * A file for each judgement. Two runs may write the same at once: what is half written does not decode, which is as if
   * it were not there.
   */
  static readonly layer = Layer.effect(
    JudgeCache,
    Effect.gen(function* () {
      const store = yield* KeyValueStore.KeyValueStore
      const endpoint = yield* JudgeEndpoint
      const keyOf = (metric: Metric, sample: Sample) =>
        hashOf(metric.hash, endpoint.baseUrl, metric.judge, sampleHash(sample))
      const isMine = !endpoint.model.isOffline
      return JudgeCache.of({
        // A cache that cannot be read or written costs money, but no result.
        get: (metric, sample) =>
          isMine
            ? store.get(keyOf(metric, sample)).pipe(
                Effect.map((text) => Option.flatMap(Option.fromNullishOr(text), decode)),
                Effect.orElseSucceed(() => Option.none())
              )
            : Effect.succeedNone,
        set: (metric, sample, judgement) =>
          isMine ? Effect.ignore(store.set(keyOf(metric, sample), JSON.stringify(judgement))) : Effect.void
      })
    })
  )

  static readonly layerIn = (folder: string) => Layer.provide(JudgeCache.layer, KeyValueStore.layerFileSystem(folder))

  /** Remembers nothing. */
  static readonly layerNone = Layer.succeed(JudgeCache, {
    get: () => Effect.succeedNone,
    set: () => Effect.void
  })
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Judgement))
