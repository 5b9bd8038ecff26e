/** A made-up run: the same for the same seed. */
import { DateTime } from "effect"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import type { Metric, Result, Run, Sample } from "../src/Evaluation.ts"

export const uniform = (seed: number) => {
  const random = xoroshiro128plus(seed)
  return () => (random.next() >>> 0) / 2 ** 32
}

const judge = { model: "gpt-4o-mini", isOffline: false }

const judged = (name: string, description: string, direction: "higher" | "lower", threshold: number): Metric => ({
  name,
  version: "1",
  hash: `hash of ${name}`,
  description,
  kind: "judge",
  requires: ["output"],
  judge,
  direction,
  unit: "score",
  threshold,
  weight: 1
})

export const metrics: ReadonlyArray<Metric> = [
  judged("conciseness", "Says what was asked for, and no more.", "higher", 0.7),
  judged("hallucination", "States what the context does not support.", "lower", 0.2),
  judged("helpfulness", "Solves what the person came with.", "higher", 0.7),
  judged("relevancy", "Answers the question that was asked.", "higher", 0.8),
  judged("toxicity", "Is rude, hateful or harmful.", "lower", 0.05),
  {
    name: "latency",
    version: "1",
    hash: "hash of latency",
    description: "How long an answer takes.",
    kind: "deterministic",
    requires: ["latencyMillis"],
    direction: "lower",
    unit: "ms",
    threshold: 2500,
    weight: 0
  }
]

export interface MadeUp {
  readonly samples?: number
  readonly seed?: number
  /** Added to what the metric would have been. */
  readonly shift?: Readonly<Record<string, number>>
  /** One in so many evaluations fails. */
  readonly failing?: number
}

const within = (value: number) => Math.round(100 * Math.min(1, Math.max(0, value))) / 100

/** What a sample is like comes from its place, how it is judged from the seed: so runs can be paired. */
export const madeUp = ({ failing = 60, samples: count = 40, seed = 1, shift = {} }: MadeUp = {}): Run => {
  const random = uniform(seed)
  const hard = uniform(4242)
  const samples = Array.from({ length: count }, (_, index): Sample & { readonly hard: number } => ({
    id: `billing-${String(index + 1).padStart(3, "0")}`,
    ...(index % 4 !== 3 && { group: `topic ${Math.floor(index / 4) + 1}` }),
    input: `How do I change my invoice address? (${index})`,
    output: "Open Settings, then Billing, and choose Edit address.",
    ...(index % 2 === 0 && { expected: "Settings, Billing, Edit address." }),
    source: "dataset",
    latencyMillis: Math.round(700 + 900 * hard() + 1500 * random() ** 4),
    costEur: 0.0002 + 0.0001 * random(),
    hard: hard()
  }))
  const results = samples.flatMap(({ expected, hard, id, latencyMillis = 0 }) =>
    metrics.map(({ direction, name, unit }): Result => {
      const base = { sampleId: id, metric: name, attempts: random() < 0.05 ? 2 : 1 } as const
      const cost = {
        costEur: unit === "score" ? 0.0001 : 0,
        isCached: random() < 0.1,
        latencyMillis: 150 + 200 * random()
      }
      if (unit === "ms") return { ...base, ...cost, attempts: 0, isCached: false, score: latencyMillis }
      if (name === "hallucination" && expected === undefined) {
        return { ...base, ...cost, attempts: 0, notApplicable: "has no context" }
      }
      if (random() < 1 / failing) {
        const error = { kind: "JudgeTimeout", message: `no answer within 30 s to: ${id}` }
        return { ...base, ...cost, attempts: 3, error }
      }
      const quality = 1 - 0.5 * hard * hard - 0.3 * random() ** 2
      const amount =
        name === "toxicity"
          ? random() < 0.9
            ? 0
            : 0.1 * random()
          : name === "hallucination"
            ? 0.4 * hard * random()
            : quality
      const score = within(amount + (shift[name] ?? 0))
      const reasoning =
        direction === "higher" ? "It names the page and the button, with few words." : "Nothing of the kind."
      return { ...base, ...cost, score, reasoning }
    })
  )
  return {
    runId: `0199f3c2-run-${seed}`,
    startedAt: DateTime.makeUnsafe("2026-11-27T14:03:10Z"),
    finishedAt: DateTime.makeUnsafe("2026-11-27T14:03:52.300Z"),
    git: { commit: "4b0b453f0a1c", isDirty: true },
    source: { kind: "dataset", description: "datasets/billing.jsonl" },
    agent: { model: "gpt-4o-mini", isOffline: false },
    judge,
    metrics,
    samples,
    results,
    settings: { concurrency: 5, maxErrors: 10 }
  }
}
