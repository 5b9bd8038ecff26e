/**
 * What an evaluation found: the JSON file, from which the readable ones beside it are made. Figures are of what was
 * scored; what failed or did not apply is counted apart and is never a 0.
 */
import { Schema } from "effect"
import { Direction, Git, Model, Source, Stopped, Unit } from "../Evaluation.ts"

/** Changes when a reader of the version before would no longer understand the file. */
export const schemaVersion = 1

const Share = Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

export const Interval = Schema.Struct({ low: Schema.Finite, high: Schema.Finite })

export const PassRate = Schema.Struct({
  n: Count,
  passed: Count,
  rate: Schema.optionalKey(Share),
  interval: Schema.optionalKey(Interval)
})
export type PassRate = typeof PassRate.Type

export const GateOutcome = Schema.Literals(["met", "missed", "not evaluated", "no threshold"])
export type GateOutcome = typeof GateOutcome.Type

export const MetricReport = Schema.Struct({
  name: Schema.String,
  version: Schema.String,
  /** Of what the metric says, so that a change without a new version is seen too. */
  hash: Schema.String,
  description: Schema.String,
  /** Absent when it is measured and not judged. */
  judge: Schema.optionalKey(Model),
  direction: Direction,
  unit: Unit,
  threshold: Schema.optionalKey(Schema.Finite),
  weight: Schema.Finite,
  /** Samples that have a value. */
  n: Count,
  failed: Count,
  /** Samples that lack what the metric requires. */
  notApplicable: Count,
  mean: Schema.optionalKey(Schema.Finite),
  /** Absent where nothing honest can be said: fewer than six groups, or no spread. */
  interval: Schema.optionalKey(Interval),
  median: Schema.optionalKey(Schema.Finite),
  /** Of the values each: how many meet the threshold. */
  passRate: Schema.optionalKey(PassRate),
  histogram: Schema.Array(Schema.Struct({ from: Schema.Finite, to: Schema.Finite, count: Count })),
  outcome: GateOutcome,
  /** The interval holds the threshold: another draw of samples might have decided otherwise. */
  isClose: Schema.Boolean
})
export type MetricReport = typeof MetricReport.Type

export const EvaluationReport = Schema.Struct({
  metric: Schema.String,
  score: Schema.optionalKey(Schema.Finite),
  passed: Schema.optionalKey(Schema.Boolean),
  /** May quote the sample: only with content. */
  reasoning: Schema.optionalKey(Schema.String),
  attempts: Count,
  latencyMillis: Schema.optionalKey(Schema.Finite),
  costEur: Schema.Finite,
  isCached: Schema.Boolean,
  /** The message may quote the sample: only with content. */
  error: Schema.optionalKey(Schema.Struct({ kind: Schema.String, message: Schema.optionalKey(Schema.String) })),
  /** What the sample lacks. */
  notApplicable: Schema.optionalKey(Schema.String)
})
export type EvaluationReport = typeof EvaluationReport.Type

export const TraceReport = Schema.Struct({
  id: Schema.String,
  traceId: Schema.optionalKey(Schema.String),
  group: Schema.optionalKey(Schema.String),
  /** Only with content. */
  content: Schema.optionalKey(
    Schema.Struct({
      input: Schema.String,
      output: Schema.optionalKey(Schema.String),
      expected: Schema.optionalKey(Schema.String),
      context: Schema.optionalKey(Schema.String)
    })
  ),
  /** Of the answer, where the source knows. */
  latencyMillis: Schema.optionalKey(Schema.Finite),
  costEur: Schema.optionalKey(Schema.Finite),
  /** The agent gave no answer; why, only with content. */
  error: Schema.optionalKey(Schema.Struct({ message: Schema.optionalKey(Schema.String) })),
  evaluations: Schema.Array(EvaluationReport)
})
export type TraceReport = typeof TraceReport.Type

const Quantiles = Schema.Struct({
  n: Count,
  p50: Schema.optionalKey(Schema.Finite),
  p95: Schema.optionalKey(Schema.Finite)
})

export const Gate = Schema.Struct({
  verdict: Schema.Literals(["passed", "missed", "not judged"]),
  /** What to do about it, in a sentence each. */
  reasons: Schema.Array(Schema.String),
  missed: Schema.Array(Schema.String),
  exitCode: Schema.Literals([0, 1, 3])
})
export type Gate = typeof Gate.Type

export const Report = Schema.Struct({
  schemaVersion: Schema.Literal(schemaVersion),
  runId: Schema.String,
  startedAt: Schema.DateTimeUtcFromString,
  finishedAt: Schema.DateTimeUtcFromString,
  git: Schema.optionalKey(Git),
  source: Source,
  /** Who answered, where the source knows. */
  agent: Schema.optionalKey(Model),
  /** Absent when no metric asks one. */
  judge: Schema.optionalKey(Model),
  isContentIncluded: Schema.Boolean,
  /** Why it ended before everything was evaluated. */
  stopped: Schema.optionalKey(Stopped),
  totals: Schema.Struct({
    samples: Count,
    evaluations: Count,
    scored: Count,
    failed: Count,
    notApplicable: Count,
    /** What the run did not get to. */
    missing: Count,
    cached: Count,
    attempts: Count
  }),
  /** Of the samples: how many meet the threshold of each metric that applies. A sample with a failed evaluation counts as neither. */
  successRate: PassRate,
  /** The means, weighted, with 1 for the best: of metrics that score from 0 to 1. */
  overall: Schema.optionalKey(Share),
  resampling: Schema.Struct({ seed: Schema.Int, resamples: Count, level: Share }),
  metrics: Schema.Array(MetricReport),
  cost: Schema.Struct({ judgeEur: Schema.Finite, agentEur: Schema.optionalKey(Schema.Finite) }),
  timing: Schema.Struct({ totalMillis: Schema.Finite, judge: Quantiles, answer: Quantiles }),
  traces: Schema.Array(TraceReport),
  gate: Gate
})
export type Report = typeof Report.Type
