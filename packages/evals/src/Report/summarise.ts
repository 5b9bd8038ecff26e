/** From what was measured to the report: all its figures, and no text of a person unless that is asked for. */
import type { DateTime } from "effect"
import { defaultResampling, type Resampling } from "../Statistics/bootstrap.ts"
import { type MetricFacts, metricFigures, overall, quantiles, successRate } from "./figures.ts"
import { gate, meets } from "./gate.ts"
import { type EvaluationReport, type Report, schemaVersion, type TraceReport } from "./Report.ts"

export interface MeasuredSample {
  readonly id: string
  readonly group?: string | undefined
  readonly input: string
  readonly output?: string | undefined
  readonly expected?: string | undefined
  readonly context?: string | undefined
  /** Of the answer. */
  readonly latencyMillis?: number | undefined
  readonly costEur?: number | undefined
}

/** One metric of one sample: a score, an error, or why there can be none. */
export interface MeasuredResult {
  readonly sampleId: string
  readonly metric: string
  readonly score?: number | undefined
  readonly error?: { readonly kind: string; readonly message: string } | undefined
  readonly notApplicable?: string | undefined
  readonly reasoning?: string | undefined
  readonly attempts: number
  /** Of the evaluation. */
  readonly latencyMillis?: number | undefined
  readonly costEur: number
  readonly isCached: boolean
}

export interface Measured extends Pick<Report, "runId" | "source" | "git" | "agent" | "judge"> {
  readonly startedAt: DateTime.Utc
  readonly finishedAt: DateTime.Utc
  readonly metrics: ReadonlyArray<MetricFacts>
  readonly samples: ReadonlyArray<MeasuredSample>
  /** The last of each sample and metric counts. */
  readonly results: ReadonlyArray<MeasuredResult>
  readonly hasTooManyErrors: boolean
}

export interface Options {
  /** User texts, and what may quote them. */
  readonly includeContent: boolean
  readonly resampling?: Resampling
}

export const summarise = (measured: Measured, options: Options): Report => {
  const resampling = options.resampling ?? defaultResampling
  const traces = tracesOf(measured, options.includeContent)
  const metrics = measured.metrics.map((facts) => metricFigures(facts, traces, resampling))
  const evaluations = traces.flatMap(({ evaluations }) => evaluations)
  const score = overall(metrics)
  const { agent, finishedAt, git, judge, runId, samples, source, startedAt } = measured
  return {
    schemaVersion,
    runId,
    startedAt,
    finishedAt,
    ...(git && { git }),
    source,
    ...(agent && { agent }),
    ...(judge && { judge }),
    isContentIncluded: options.includeContent,
    totals: totalsOf(samples.length, evaluations),
    successRate: successRate(traces, resampling.level),
    ...(score !== undefined && { overall: score }),
    resampling,
    metrics,
    cost: costOf(samples, evaluations),
    timing: {
      totalMillis: finishedAt.epochMilliseconds - startedAt.epochMilliseconds,
      judge: quantiles(known(evaluations.filter(({ isCached }) => !isCached).map((it) => it.latencyMillis))),
      answer: quantiles(known(samples.map((it) => it.latencyMillis)))
    },
    traces,
    gate: gate(metrics, measured)
  }
}

const known = (values: ReadonlyArray<number | undefined>) =>
  values.flatMap((value) => (value === undefined ? [] : [value]))

const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

const totalsOf = (samples: number, evaluations: ReadonlyArray<EvaluationReport>): Report["totals"] => ({
  samples,
  evaluations: evaluations.length,
  scored: evaluations.filter(({ score }) => score !== undefined).length,
  failed: evaluations.filter(({ error }) => error !== undefined).length,
  notApplicable: evaluations.filter(({ notApplicable }) => notApplicable !== undefined).length,
  cached: evaluations.filter(({ isCached }) => isCached).length,
  attempts: sum(evaluations.map(({ attempts }) => attempts))
})

const costOf = (
  samples: ReadonlyArray<MeasuredSample>,
  evaluations: ReadonlyArray<EvaluationReport>
): Report["cost"] => {
  const answers = known(samples.map(({ costEur }) => costEur))
  return {
    judgeEur: sum(evaluations.map(({ costEur }) => costEur)),
    ...(answers.length > 0 && { agentEur: sum(answers) })
  }
}

const tracesOf = (measured: Measured, includeContent: boolean): ReadonlyArray<TraceReport> => {
  const facts = new Map(measured.metrics.map((metric) => [metric.name, metric]))
  const evaluations = new Map<string, Map<string, EvaluationReport>>()
  for (const result of measured.results) {
    const metric = facts.get(result.metric)
    if (metric === undefined) continue
    const ofSample = evaluations.get(result.sampleId) ?? new Map<string, EvaluationReport>()
    evaluations.set(result.sampleId, ofSample.set(result.metric, evaluationOf(result, metric, includeContent)))
  }
  return measured.samples.map(({ context, costEur, expected, group, id, input, latencyMillis, output }) => ({
    id,
    ...(group !== undefined && { group }),
    ...(includeContent && {
      content: {
        input,
        ...(output !== undefined && { output }),
        ...(expected !== undefined && { expected }),
        ...(context !== undefined && { context })
      }
    }),
    ...(latencyMillis !== undefined && { latencyMillis }),
    ...(costEur !== undefined && { costEur }),
    // In the order of the metrics, whichever was done first.
    evaluations: measured.metrics.flatMap(({ name }) => evaluations.get(id)?.get(name) ?? [])
  }))
}

const evaluationOf = (result: MeasuredResult, metric: MetricFacts, includeContent: boolean): EvaluationReport => {
  const { attempts, costEur, error, isCached, latencyMillis, notApplicable, reasoning, score } = result
  return {
    metric: metric.name,
    ...(score !== undefined && { score }),
    ...(score !== undefined &&
      metric.threshold !== undefined && { passed: meets(score, metric.direction, metric.threshold) }),
    ...(includeContent && reasoning !== undefined && { reasoning }),
    attempts,
    ...(latencyMillis !== undefined && { latencyMillis }),
    costEur,
    isCached,
    ...(error && { error: includeContent ? error : { kind: error.kind } }),
    ...(notApplicable !== undefined && { notApplicable })
  }
}
