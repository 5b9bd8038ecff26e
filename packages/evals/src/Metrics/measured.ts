/** Metrics that need no judge: they are counted. */
import type { Metric, Sample } from "../Evaluation.ts"

export interface MeasuredMetric extends Omit<Metric, "hash" | "kind"> {
  /** Called for samples that have what it requires. */
  readonly measure: (sample: Sample) => number
}

/** As people compare answers: case, white space, the full stop and the way letters are composed make no difference. */
const normalised = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\s+/gu, " ")
    .trim()
    .replace(/[.!。]+$/u, "")

/** How many of two lists are in both, as the harmonic mean of precision and recall: both none is 1. */
const agreement = (wanted: ReadonlyArray<string>, used: ReadonlyArray<string>): number => {
  const [expected, actual] = [new Set(wanted), new Set(used)]
  if (expected.size + actual.size === 0) return 1
  const both = [...expected].filter((name) => actual.has(name)).length
  return (2 * both) / (expected.size + actual.size)
}

export const measuredMetrics: ReadonlyArray<MeasuredMetric> = [
  {
    name: "latency",
    version: "1",
    description: "How long an answer takes.",
    direction: "lower",
    unit: "ms",
    threshold: 10_000,
    weight: 0,
    requires: ["latencyMillis"],
    measure: ({ latencyMillis = 0 }) => latencyMillis
  },
  {
    name: "cost",
    version: "1",
    description: "What an answer costs.",
    direction: "lower",
    unit: "EUR",
    threshold: 0.01,
    weight: 0,
    requires: ["costEur"],
    measure: ({ costEur = 0 }) => costEur
  },
  {
    name: "exact_match",
    version: "1",
    description: "Is the expected answer word for word.",
    direction: "higher",
    unit: "score",
    // Right answers in other words are no failure.
    weight: 0,
    requires: ["output", "expected"],
    measure: ({ expected = "", output = "" }) => (normalised(output) === normalised(expected) ? 1 : 0)
  },
  {
    name: "tool_calls",
    version: "1",
    description: "Uses the tools that are expected, and no others.",
    direction: "higher",
    unit: "score",
    threshold: 0.7,
    weight: 1,
    requires: ["toolCalls", "expectedTools"],
    measure: ({ expectedTools = [], toolCalls = [] }) => agreement(expectedTools, toolCalls)
  }
]
