/** One metric of one sample. */
import { Effect, Option, Result as Outcome } from "effect"
import type { Metric, Result, Sample } from "../Evaluation.ts"
import { Judge } from "../Judge/Judge.ts"
import { JudgeCache } from "../Judge/JudgeCache.ts"
import { measuredMetrics } from "../Metrics/measured.ts"

const free = { attempts: 0, costEur: 0, isCached: false } as const

/** An answer that was never given is an error of every metric, and not a score of 0. */
const unanswered = (sample: Sample, metric: Metric): Partial<Result> | undefined => {
  if (sample.error !== undefined) return { error: { kind: "no answer", message: sample.error } }
  const lacking = metric.requires.find((part) => sample[part] === undefined)
  return lacking === undefined ? undefined : { notApplicable: `has no ${lacking}` }
}

export const evaluate = Effect.fn("Run.evaluate")(function* (
  sample: Sample,
  metric: Metric
): Effect.fn.Return<Result, never, Judge | JudgeCache> {
  const result = { sampleId: sample.id, metric: metric.name, ...free }
  const why = unanswered(sample, metric)
  if (why !== undefined) return { ...result, ...why }
  if (metric.kind === "deterministic") {
    const measured = measuredMetrics.find(({ name }) => name === metric.name)
    if (measured !== undefined) return { ...result, score: measured.measure(sample) }
  }
  const { judge, model } = yield* Judge
  const cache = yield* JudgeCache
  const judgedBy = { ...result, judge: metric.judge?.model ?? model.model }
  const known = yield* cache.get(metric, sample)
  if (Option.isSome(known)) return { ...judgedBy, ...known.value, isCached: true }
  const { effort, outcome } = yield* judge(metric, sample)
  if (Outcome.isFailure(outcome)) {
    const { kind, message } = outcome.failure
    return { ...judgedBy, ...effort, error: { kind, message } }
  }
  yield* cache.set(metric, sample, outcome.success)
  return { ...judgedBy, ...effort, ...outcome.success }
})
