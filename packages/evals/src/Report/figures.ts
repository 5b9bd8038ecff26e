/** The figures of one metric, and of all together. */
import { mean, median, quantile } from "simple-statistics"
import type { Metric } from "../Evaluation.ts"
import { meanInterval, type Resampling } from "../Statistics/bootstrap.ts"
import { histogram } from "../Statistics/histogram.ts"
import { passRate } from "../Statistics/passRate.ts"
import { isClose, meets, outcomeOf } from "./gate.ts"
import type { EvaluationReport, MetricReport, TraceReport } from "./Report.ts"

export const metricFigures = (
  metric: Metric,
  traces: ReadonlyArray<TraceReport>,
  resampling: Resampling
): MetricReport => {
  const { description, direction, hash, judge, name, threshold, unit, version, weight } = metric
  const evaluations = traces.flatMap(({ evaluations, group }) =>
    evaluations.filter(({ metric }) => metric === name).map((evaluation) => ({ ...evaluation, group }))
  )
  const observations = evaluations.flatMap(({ group, score }) => (score === undefined ? [] : [{ value: score, group }]))
  const values = observations.map(({ value }) => value)
  const average = values.length === 0 ? undefined : mean(values)
  const interval = meanInterval(observations, resampling)
  const outcomes = observations.map(({ group, value }) => ({
    group,
    passed: threshold !== undefined && meets(value, direction, threshold)
  }))
  return {
    name,
    version,
    hash,
    description,
    direction,
    unit,
    weight,
    ...(judge && { judge }),
    ...(threshold !== undefined && { threshold }),
    n: values.length,
    failed: evaluations.filter(({ error }) => error !== undefined).length,
    notApplicable: evaluations.filter(({ notApplicable }) => notApplicable !== undefined).length,
    ...(average !== undefined && { mean: average, median: median(values) }),
    ...(interval && { interval }),
    ...(threshold !== undefined && { passRate: passRate(outcomes, resampling.level) }),
    histogram: histogram(values),
    outcome: outcomeOf({ direction, threshold, mean: average }),
    isClose: isClose(interval, threshold)
  }
}

/** 1 is the best for metrics of either direction. */
export const overall = (metrics: ReadonlyArray<MetricReport>): number | undefined => {
  const counted = metrics.flatMap(({ direction, mean, unit, weight }) =>
    unit === "score" && mean !== undefined && weight > 0
      ? [{ weight, good: direction === "higher" ? mean : 1 - mean }]
      : []
  )
  const weights = counted.reduce((sum, { weight }) => sum + weight, 0)
  if (weights === 0) return undefined
  const sum = counted.reduce((sum, { good, weight }) => sum + weight * good, 0)
  return Math.min(1, Math.max(0, sum / weights))
}

/** A sample of which an evaluation failed is left out: were it counted when another missed, failures would lower the rate. */
export const successRate = (traces: ReadonlyArray<TraceReport>, level: number) =>
  passRate(
    traces.flatMap(({ evaluations, group }) => {
      const judged = evaluations.flatMap(({ passed }) => (passed === undefined ? [] : [passed]))
      return judged.length === 0 || evaluations.some(hasFailed) ? [] : [{ group, passed: !judged.includes(false) }]
    }),
    level
  )

const hasFailed = ({ error }: EvaluationReport) => error !== undefined

export const quantiles = (values: ReadonlyArray<number>) =>
  values.length === 0
    ? { n: 0 }
    : { n: values.length, p50: quantile([...values], 0.5), p95: quantile([...values], 0.95) }
