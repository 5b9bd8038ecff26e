/**
 * Whether B is better than A, metric by metric, on the samples that both have. The difference of each pair is what counts: that
 * some samples are harder than others does not blur it.
 */
import { mean } from "simple-statistics"
import type { Direction, Unit } from "../Evaluation.ts"
import type { MetricReport, Report, TraceReport } from "../Report/Report.ts"
import { modelName } from "../Report/words.ts"
import { defaultResampling, type Interval, meanInterval, type Resampling } from "../Statistics/bootstrap.ts"
import { groupsOf, type Observation } from "../Statistics/groups.ts"
import { holm, signFlipP } from "../Statistics/significance.ts"

export type Verdict = "better" | "worse" | "inconclusive" | "not comparable"

export interface MetricComparison {
  readonly name: string
  readonly direction: Direction
  readonly unit: Unit
  readonly weight: number
  readonly verdict: Verdict
  /** Why it is not comparable, or inconclusive for lack of pairs. */
  readonly reason?: string
  readonly pairs: number
  /** Scored in one of them alone. */
  readonly onlyInA: number
  readonly onlyInB: number
  /** Of the pairs. */
  readonly meanA?: number
  readonly meanB?: number
  /** B less A, by a paired bootstrap over groups. */
  readonly difference?: number
  readonly interval?: Interval
  /** Of no difference, by Holm for all metrics together. */
  readonly p?: number
}

export interface Comparison {
  readonly metrics: ReadonlyArray<MetricComparison>
  /** Metrics that became worse and have a weight. */
  readonly regressions: ReadonlyArray<string>
}

export const compare = (a: Report, b: Report, resampling: Resampling = defaultResampling): Comparison => {
  const names = [...new Set([...a.metrics, ...b.metrics].map(({ name }) => name))]
  const compared = names.map((name) => compareMetric(name, a, b, resampling))
  const tested = compared.filter(({ p }) => p !== undefined)
  const adjusted = new Map(holm(tested.map(({ p = 1 }) => p)).map((p, index) => [tested[index]?.name, p]))
  const metrics = compared.map((metric) => {
    const p = adjusted.get(metric.name)
    return p === undefined ? metric : { ...metric, p, verdict: verdictOf(metric, p, 1 - resampling.level) }
  })
  const regressions = metrics.filter(({ verdict, weight }) => verdict === "worse" && weight > 0)
  return { metrics, regressions: regressions.map(({ name }) => name) }
}

/** The test decides, which is right for few pairs and many metrics too; the interval, which is shown, may not contradict it. */
const verdictOf = ({ difference = 0, direction, interval }: MetricComparison, p: number, alpha: number): Verdict => {
  const isThroughZero = interval !== undefined && interval.low <= 0 && interval.high >= 0
  if (p > alpha || isThroughZero || difference === 0) return "inconclusive"
  return difference > 0 === (direction === "higher") ? "better" : "worse"
}

const compareMetric = (name: string, a: Report, b: Report, resampling: Resampling): MetricComparison => {
  const metricA = a.metrics.find((metric) => metric.name === name)
  const metricB = b.metrics.find((metric) => metric.name === name)
  const scoredA = scoresOf(a.traces, name)
  const scoredB = scoresOf(b.traces, name)
  const ids = [...scoredA.keys()].filter((id) => scoredB.has(id))
  const facts = metricB ?? metricA
  const told = {
    name,
    direction: facts?.direction ?? "higher",
    unit: facts?.unit ?? "score",
    weight: facts?.weight ?? 0,
    pairs: ids.length,
    onlyInA: scoredA.size - ids.length,
    onlyInB: scoredB.size - ids.length
  } as const
  const reason = incomparable(metricA, metricB)
  if (reason !== undefined) return { ...told, verdict: "not comparable", reason }
  if (ids.length === 0) return { ...told, verdict: "not comparable", reason: "no sample is scored in both" }

  const pairs = ids.map((id) => {
    const [before, after] = [scoredA.get(id), scoredB.get(id)]
    return { before: before?.value ?? 0, after: after?.value ?? 0, group: after?.group ?? before?.group }
  })
  const differences = pairs.map(({ after, before, group }): Observation => ({ value: after - before, group }))
  const interval = meanInterval(differences, resampling)
  const groups = groupsOf(differences).sums.length
  return {
    ...told,
    verdict: "inconclusive",
    ...(groups < 6 && { reason: "fewer than six pairs or groups tell nothing" }),
    meanA: mean(pairs.map(({ before }) => before)),
    meanB: mean(pairs.map(({ after }) => after)),
    difference: mean(differences.map(({ value }) => value)),
    ...(interval && { interval }),
    p: signFlipP(differences, 2.5 * resampling.resamples, resampling.seed)
  }
}

const scoresOf = (traces: ReadonlyArray<TraceReport>, name: string): ReadonlyMap<string, Observation> =>
  new Map(
    traces.flatMap(({ evaluations, group, id }) => {
      const score = evaluations.find(({ metric }) => metric === name)?.score
      return score === undefined ? [] : [[id, { value: score, group }] as const]
    })
  )

/** What measures differently is not compared: a difference would be that of the two rulers. */
const incomparable = (a: MetricReport | undefined, b: MetricReport | undefined): string | undefined => {
  if (a === undefined || b === undefined) return `only ${a === undefined ? "B" : "A"} has it`
  if (a.version !== b.version) return `version ${a.version} in A, ${b.version} in B`
  if (a.hash !== b.hash) return `its text differs, though both say version ${a.version}`
  if (a.direction !== b.direction || a.unit !== b.unit) return "its direction or unit differs"
  if (modelName(a.judge) !== modelName(b.judge))
    return `judged by ${modelName(a.judge)} in A, ${modelName(b.judge)} in B`
  return undefined
}
