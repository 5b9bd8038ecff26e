/** The nouns of an evaluation: samples are measured by metrics, and a run holds what came of it. */
import { Schema } from "effect"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Amount = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

export const SourceKind = Schema.Literals(["dataset", "langfuse", "live"])
export type SourceKind = typeof SourceKind.Type

/** A question and, where there is one, the answer that is measured. */
export const Sample = Schema.Struct({
  /** Unique in a run, and the same in the next: runs are compared by it. */
  id: Schema.NonEmptyString,
  input: Schema.String,
  output: Schema.optionalKey(Schema.String),
  expected: Schema.optionalKey(Schema.String),
  /** What the answer may be held against: documents, earlier messages, results of tools. */
  context: Schema.optionalKey(Schema.String),
  /** Samples of a group resemble each other, and do not count as independent. */
  group: Schema.optionalKey(Schema.String),
  source: SourceKind,
  traceId: Schema.optionalKey(Schema.String),
  /** Of the answer, where the source knows. */
  latencyMillis: Schema.optionalKey(Amount),
  costEur: Schema.optionalKey(Amount),
  /** Names of the tools that were used, in order; an empty list is known to be none. */
  toolCalls: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Names of the tools that should be used. */
  expectedTools: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Why the agent gave no answer. */
  error: Schema.optionalKey(Schema.String)
})
export type Sample = typeof Sample.Type

/** Which way is better. */
export const Direction = Schema.Literals(["higher", "lower"])
export type Direction = typeof Direction.Type

/** What a metric's values are: a score from 0 to 1, or an amount. */
export const Unit = Schema.Literals(["score", "ms", "EUR", "count"])
export type Unit = typeof Unit.Type

/** What a sample must have for a metric to apply. */
export const Requirement = Schema.Literals([
  "output",
  "expected",
  "context",
  "latencyMillis",
  "costEur",
  "toolCalls",
  "expectedTools"
])
export type Requirement = typeof Requirement.Type

/** Who answered, or judged. */
export const Model = Schema.Struct({
  model: Schema.String,
  /** The offline stand-in, whose answers and scores say nothing of quality. */
  isOffline: Schema.Boolean
})
export type Model = typeof Model.Type

export const Metric = Schema.Struct({
  name: Schema.String,
  version: Schema.String,
  description: Schema.String,
  kind: Schema.Literals(["judge", "deterministic"]),
  direction: Direction,
  unit: Unit,
  /** The worst mean that is still good, in the metric's unit. */
  threshold: Schema.optionalKey(Schema.Finite),
  weight: Amount,
  requires: Schema.Array(Requirement),
  /** Of a judge: what it is told to look at. */
  rubric: Schema.optionalKey(Schema.String),
  /** Who judges, of a metric that is judged. */
  judge: Schema.optionalKey(Model),
  /** Of all that decides a score: a change is seen even if nobody counted the version up. */
  hash: Schema.String
})
export type Metric = typeof Metric.Type

/**
 * One metric of one sample: a `score` in the metric's unit, an `error`, or why there can be none (`notApplicable`).
 * Exactly one of the three is there.
 */
export const Result = Schema.Struct({
  sampleId: Schema.String,
  /** The metric's name. */
  metric: Schema.String,
  score: Schema.optionalKey(Schema.Finite),
  error: Schema.optionalKey(Schema.Struct({ kind: Schema.String, message: Schema.String })),
  notApplicable: Schema.optionalKey(Schema.String),
  reasoning: Schema.optionalKey(Schema.String),
  /** Calls of the judge; 0 when none was needed. */
  attempts: Count,
  /** Of the evaluation, pauses between attempts included. */
  latencyMillis: Schema.optionalKey(Amount),
  inputTokens: Schema.optionalKey(Count),
  outputTokens: Schema.optionalKey(Count),
  /** Of all attempts; 0 from the cache. */
  costEur: Amount,
  isCached: Schema.Boolean,
  judge: Schema.optionalKey(Schema.String)
})
export type Result = typeof Result.Type

export const Git = Schema.Struct({ commit: Schema.String, isDirty: Schema.Boolean })
export type Git = typeof Git.Type

export const Source = Schema.Struct({
  kind: SourceKind,
  /** For a person: the file, or the window of time. */
  description: Schema.String
})
export type Source = typeof Source.Type

/** What a run was told, and needs again to be resumed. */
export const RunSettings = Schema.Struct({
  concurrency: Count,
  maxErrors: Count,
  maxCostEur: Schema.optionalKey(Amount)
})
export type RunSettings = typeof RunSettings.Type

/** Why a run ended before everything was evaluated. */
export const Stopped = Schema.Literals(["interrupted", "too many errors", "too expensive"])
export type Stopped = typeof Stopped.Type

export const Run = Schema.Struct({
  runId: Schema.String,
  startedAt: Schema.DateTimeUtcFromString,
  finishedAt: Schema.DateTimeUtcFromString,
  git: Schema.optionalKey(Git),
  source: Source,
  /** Who answered, where the source knows. */
  agent: Schema.optionalKey(Model),
  /** Absent when no metric asks one. */
  judge: Schema.optionalKey(Model),
  settings: RunSettings,
  metrics: Schema.Array(Metric),
  samples: Schema.Array(Sample),
  /** How many results there should be: not every sample needs every metric. Absent when each does. */
  planned: Schema.optionalKey(Count),
  /** At most one for each sample and metric: the last. What a run did not get to is missing. */
  results: Schema.Array(Result),
  stopped: Schema.optionalKey(Stopped)
})
export type Run = typeof Run.Type
