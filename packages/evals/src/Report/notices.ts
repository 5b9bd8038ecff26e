/** What a reader must know before the figures, the same in every form of the report. */
import type { Gate, MetricReport, Report, TraceReport } from "./Report.ts"
import { plural } from "./words.ts"

export const verdict = ({ missed, verdict }: Gate): string => {
  if (verdict === "missed") return `${plural(missed.length, "threshold")} missed`
  return verdict === "passed" ? "Passed" : "Not judged"
}

export const notices = (report: Report): ReadonlyArray<string> => {
  const { agent, judge, metrics, totals } = report
  const hasAnswered = agent?.isOffline === true
  const hasJudged = judge?.isOffline === true || metrics.some(({ judge }) => judge?.isOffline === true)
  const did = hasAnswered ? (hasJudged ? "answered and judged" : "answered") : "judged"
  const keys = [...(hasAnswered ? ["LLM_API_KEY"] : []), ...(hasJudged ? ["EVALUATION_API_KEY"] : [])]
  return [
    ...(hasAnswered || hasJudged
      ? [
          `The offline model ${did}: a stand-in. These figures show that the evaluation runs, and nothing of how good answers are. Set ${keys.join(" and ")} for real ones.`
        ]
      : []),
    ...(totals.missing > 0
      ? [
          `${plural(totals.missing, "evaluation is", "evaluations are")} missing: the run ended before then${report.stopped === undefined ? "" : ` (${report.stopped})`}. Resume it for the rest.`
        ]
      : []),
    ...(totals.failed > 0
      ? [
          `${plural(totals.failed, "evaluation")} of ${totals.evaluations} failed. They are left out of every figure; those that are left may be the easier ones.`
        ]
      : [])
  ]
}

/** What explains the figures. */
export const remarks = (report: Report): ReadonlyArray<string> => [
  ...(report.metrics.some(({ interval, n }) => n > 0 && interval === undefined)
    ? ["A mean without an interval is of fewer than six samples or groups, or of values that are all the same."]
    : []),
  ...(report.isContentIncluded ? ["This file holds texts of users: --include-content was given."] : [])
]

/** From 0, the worst, to 1: the sample's scores, weighted, in the direction of their metrics. */
export const goodness = ({ evaluations }: TraceReport, metrics: ReadonlyArray<MetricReport>): number | undefined => {
  let sum = 0
  let weights = 0
  for (const { direction, name, unit, weight } of metrics) {
    const score = evaluations.find(({ metric }) => metric === name)?.score
    if (unit !== "score" || score === undefined || weight <= 0) continue
    sum += weight * (direction === "higher" ? score : 1 - score)
    weights += weight
  }
  return weights === 0 ? undefined : sum / weights
}

export interface Ranked {
  readonly trace: TraceReport
  readonly value: number
}

const ranked = (
  traces: ReadonlyArray<TraceReport>,
  valueOf: (trace: TraceReport) => number | undefined
): ReadonlyArray<Ranked> =>
  traces
    .flatMap((trace) => {
      const value = valueOf(trace)
      return value === undefined ? [] : [{ trace, value }]
    })
    .toSorted((a, b) => a.value - b.value)

export const worst = ({ metrics, traces }: Report, count = 5): ReadonlyArray<Ranked> =>
  ranked(traces, (trace) => goodness(trace, metrics)).slice(0, count)

export const slowest = ({ traces }: Report, count = 5): ReadonlyArray<Ranked> =>
  ranked(traces, ({ latencyMillis }) => latencyMillis)
    .toReversed()
    .slice(0, count)

/** What a page can show: the worst, those that have no score, and the slowest, where they stand among all. */
export const foremost = (
  report: Report,
  most: number
): ReadonlyArray<{ readonly trace: TraceReport; readonly index: number }> => {
  const all = report.traces.map((trace, index) => ({ trace, index }))
  if (all.length <= most) return all
  const named = new Set([...worst(report), ...slowest(report)].map(({ trace }) => trace))
  return all
    .map((it) => ({ ...it, value: named.has(it.trace) ? -2 : (goodness(it.trace, report.metrics) ?? -1) }))
    .toSorted((a, b) => a.value - b.value)
    .slice(0, most)
    .toSorted((a, b) => a.index - b.index)
}
