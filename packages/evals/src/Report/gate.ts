/**
 * Whether an evaluation passes. What counts is the mean against the metric's threshold, in its direction. It is not the
 * interval: with few samples its bad end misses every threshold and its good end meets every one. Where the interval holds the
 * threshold the report says that it was close.
 */
import type { Direction, Stopped } from "../Evaluation.ts"
import type { Interval } from "../Statistics/bootstrap.ts"
import type { Gate, GateOutcome, MetricReport } from "./Report.ts"
import { amount, plural } from "./words.ts"

/** What floating point makes of a mean that is exactly the threshold is not below it. */
const tolerance = 1e-9

export const meets = (value: number, direction: Direction, threshold: number): boolean =>
  direction === "higher" ? value >= threshold - tolerance : value <= threshold + tolerance

export const outcomeOf = (metric: {
  readonly direction: Direction
  readonly threshold?: number | undefined
  readonly mean?: number | undefined
}): GateOutcome => {
  if (metric.mean === undefined) return "not evaluated"
  if (metric.threshold === undefined) return "no threshold"
  return meets(metric.mean, metric.direction, metric.threshold) ? "met" : "missed"
}

export const isClose = (interval: Interval | undefined, threshold: number | undefined): boolean =>
  interval !== undefined && threshold !== undefined && interval.low < threshold && threshold < interval.high

/**
 * Exit code 3, where there is nothing to judge by, comes before 1: a mean of what an outage left over is no measurement.
 * A metric that no sample has what it takes for is told and fails nothing.
 */
export const gate = (metrics: ReadonlyArray<MetricReport>, stopped?: Stopped): Gate => {
  const unjudged = [
    ...(stopped === "too many errors"
      ? ["The run was stopped: too many evaluations failed. Look at their errors, then resume."]
      : []),
    ...(stopped === "too expensive" ? ["The run was stopped by --max-cost-eur, before everything was evaluated."] : []),
    ...(metrics.every(({ n }) => n === 0) ? ["Nothing was evaluated."] : []),
    ...metrics
      .filter(({ failed, n }) => n === 0 && failed > 0)
      .map(({ failed, name }) => `${name} has no value: ${plural(failed, "evaluation")} failed, none succeeded.`)
  ]
  const missed = metrics.filter(({ outcome }) => outcome === "missed")
  const reasons = [
    ...unjudged,
    ...missed.map(missedReason),
    ...metrics
      .filter(({ failed, n, notApplicable }) => n === 0 && failed === 0 && notApplicable > 0)
      .map(({ name }) => `${name} was not evaluated: no sample has what it requires.`)
  ]
  const names = missed.map(({ name }) => name)
  if (unjudged.length > 0) return { verdict: "not judged", reasons, missed: names, exitCode: 3 }
  if (missed.length > 0) return { verdict: "missed", reasons, missed: names, exitCode: 1 }
  return { verdict: "passed", reasons, missed: [], exitCode: 0 }
}

const missedReason = ({ direction, isClose, mean, name, threshold, unit }: MetricReport) => {
  const bound = amount(threshold, unit)
  // 0.6999 is not "0.70, and should be at least 0.70".
  const seen = amount(mean, unit) === bound ? String(mean) : amount(mean, unit)
  const close = isClose ? ", though its interval holds the threshold" : ""
  return `${name} is ${seen} and should be ${direction === "higher" ? "at least" : "at most"} ${bound}${close}.`
}
