/** A run in this process: a judge of the test's own, no files. */
import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import * as Standalone from "@parley/server/Agent/Standalone"
import { ConfigProvider, DateTime, Duration, Effect, Layer, Redacted } from "effect"
import type { Metric, Sample } from "../src/Evaluation.ts"
import { Judge } from "../src/Judge/Judge.ts"
import { JudgeCache } from "../src/Judge/JudgeCache.ts"
import { JudgeEndpoint } from "../src/Judge/JudgeEndpoint.ts"
import { carryOut } from "../src/Run/carryOut.ts"
import * as RunLog from "../src/Run/RunLog.ts"
import type { StubJudge } from "./StubJudge.ts"

/** The price of gpt-4o-mini makes what a judgement of the stub costs: 1000 tokens in, 100 out. */
export const judgementEur = 0.000_193_2

const model = { model: "gpt-4o-mini", isOffline: false }

export const metric = (name: string, more: Partial<Metric> = {}): Metric => ({
  name,
  version: "1",
  description: "As the test says.",
  kind: "judge",
  direction: "higher",
  unit: "score",
  threshold: 0.5,
  weight: 1,
  requires: ["output"],
  rubric: "As the test says.",
  judge: model,
  hash: `hash of ${name}`,
  ...more
})

export const samples = (count: number): ReadonlyArray<Sample> =>
  Array.from({ length: count }, (_, index) => ({
    id: `sample ${index}`,
    source: "dataset" as const,
    input: `Question ${index}`,
    output: `Answer ${index}`
  }))

export const judging = (stub: Pick<StubJudge, "baseUrl">, cache: Layer.Layer<JudgeCache, never, JudgeEndpoint>) =>
  Layer.mergeAll(
    Judge.layerWith({ attempts: 4, timeout: Duration.millis(500), firstPause: Duration.millis(1) }),
    cache
  ).pipe(
    Layer.provide(Layer.succeed(JudgeEndpoint, { baseUrl: stub.baseUrl, apiKey: Redacted.make("stub"), model })),
    Layer.provide([NodeHttpClient.layerUndici, Standalone.layerPrices]),
    Layer.provide([NodeServices.layer, ConfigProvider.layer(ConfigProvider.fromUnknown({}))])
  )

export interface Options {
  readonly metrics?: ReadonlyArray<Metric>
  readonly concurrency?: number
  readonly maxErrors?: number
  readonly maxCostEur?: number
}

export const logOf = (
  samples: ReadonlyArray<Sample>,
  { concurrency = 5, maxCostEur, maxErrors = 1000, metrics }: Options
) =>
  Effect.gen(function* () {
    const all = metrics ?? [metric("helpfulness")]
    const settings = { concurrency, maxErrors, ...(maxCostEur !== undefined && { maxCostEur }) }
    const log = RunLog.inMemory({
      _tag: "Begun",
      format: 1,
      runId: "test",
      startedAt: yield* DateTime.now,
      source: { kind: "dataset", description: "made up" },
      settings,
      metrics: all
    })
    const names = all.map(({ name }) => name)
    yield* log.append(...samples.map((sample) => ({ _tag: "Planned" as const, sample, metrics: names })))
    return { log, settings }
  })

/** Evaluates samples from the beginning to the end. */
export const evaluate = Effect.fnUntraced(function* (
  stub: Pick<StubJudge, "baseUrl">,
  samples: ReadonlyArray<Sample>,
  options: Options = {}
) {
  const { log, settings } = yield* logOf(samples, options)
  const { run } = yield* carryOut<never, never>({
    log,
    settings,
    retryErrors: false,
    answer: undefined,
    send: undefined
  }).pipe(Effect.provide(judging(stub, JudgeCache.layerNone)))
  return run
}, Effect.orDie)
