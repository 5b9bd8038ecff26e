/** From a run to the report: all its figures, and no text of a person unless that is asked for. */
import type { Metric, Result, Run, Sample } from "../Evaluation.ts"
import { defaultResampling, type Resampling } from "../Statistics/bootstrap.ts"
import { metricFigures, overall, quantiles, successRate } from "./figures.ts"
import { gate, meets } from "./gate.ts"
import { type EvaluationReport, type Report, schemaVersion, type TraceReport } from "./Report.ts"

export interface Options {
  /** User texts, and what may quote them. */
  readonly includeContent: boolean
  readonly resampling?: Resampling
}

export const summarise = (run: Run, options: Options): Report => {
  const resampling = options.resampling ?? defaultResampling
  const traces = tracesOf(run, options.includeContent)
  const metrics = run.metrics.map((metric) => metricFigures(metric, traces, resampling))
  const evaluations = traces.flatMap(({ evaluations }) => evaluations)
  const score = overall(metrics)
  const { agent, finishedAt, git, judge, runId, samples, source, startedAt, stopped } = run
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
    ...(stopped && { stopped }),
    totals: totalsOf(run, evaluations),
    successRate: successRate(traces, resampling.level),
    ...(score !== undefined && { overall: score }),
    resampling,
    metrics,
    cost: costOf(samples, evaluations),
    timing: {
      totalMillis: finishedAt.epochMilliseconds - startedAt.epochMilliseconds,
      judge: quantiles(
        known(evaluations.filter(({ attempts, isCached }) => attempts > 0 && !isCached).map((it) => it.latencyMillis))
      ),
      answer: quantiles(known(samples.map((it) => it.latencyMillis)))
    },
    traces,
    gate: gate(metrics, stopped)
  }
}

const known = (values: ReadonlyArray<number | undefined>) =>
  values.flatMap((value) => (value === undefined ? [] : [value]))

const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)

const totalsOf = (
  { metrics, planned, samples }: Run,
  evaluations: ReadonlyArray<EvaluationReport>
): Report["totals"] => ({
  samples: samples.length,
  evaluations: evaluations.length,
  scored: evaluations.filter(({ score }) => score !== undefined).length,
  failed: evaluations.filter(({ error }) => error !== undefined).length,
  notApplicable: evaluations.filter(({ notApplicable }) => notApplicable !== undefined).length,
  missing: (planned ?? samples.length * metrics.length) - evaluations.length,
  cached: evaluations.filter(({ isCached }) => isCached).length,
  attempts: sum(evaluations.map(({ attempts }) => attempts))
})

const costOf = (samples: ReadonlyArray<Sample>, evaluations: ReadonlyArray<EvaluationReport>): Report["cost"] => {
  const answers = known(samples.map(({ costEur }) => costEur))
  return {
    judgeEur: sum(evaluations.map(({ costEur }) => costEur)),
    ...(answers.length > 0 && { agentEur: sum(answers) })
  }
}

const tracesOf = (run: Run, includeContent: boolean): ReadonlyArray<TraceReport> => {
  const facts = new Map(run.metrics.map((metric) => [metric.name, metric]))
  const evaluations = new Map<string, Map<string, EvaluationReport>>()
  for (const result of run.results) {
    const metric = facts.get(result.metric)
    if (metric === undefined) continue
    const ofSample = evaluations.get(result.sampleId) ?? new Map<string, EvaluationReport>()
    evaluations.set(result.sampleId, ofSample.set(result.metric, evaluationOf(result, metric, includeContent)))
  }
  return run.samples.map(({ context, costEur, error, expected, group, id, input, latencyMillis, output, traceId }) => ({
    id,
    ...(traceId !== undefined && { traceId }),
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
    ...(error !== undefined && { error: includeContent ? { message: error } : {} }),
    // In the order of the metrics, whichever was done first.
    evaluations: run.metrics.flatMap(({ name }) => evaluations.get(id)?.get(name) ?? [])
  }))
}

const evaluationOf = (result: Result, metric: Metric, includeContent: boolean): EvaluationReport => {
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
