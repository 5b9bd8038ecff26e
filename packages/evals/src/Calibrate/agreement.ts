/**
 * How far a judge agrees with people: on the same answers, with the same rubric. A judge that disagrees with people measures
 * something, but not quality.
 */
import { mean, sampleCorrelation, sampleRankCorrelation } from "simple-statistics"
import { meets } from "../Report/gate.ts"
import type { Direction, Metric } from "../Evaluation.ts"
import { type Interval, meanInterval } from "../Statistics/bootstrap.ts"

/** Both from 0 to 1. */
export interface Labelled {
  readonly id: string
  readonly group?: string | undefined
  readonly human: number
  /** Absent where the judge failed: left out, and counted. */
  readonly judge?: number | undefined
}

export interface Confusion {
  readonly bothPass: number
  readonly bothFail: number
  /** The judge passes what people fail: it is lenient. */
  readonly onlyJudgePasses: number
  /** The judge fails what people pass: it is strict. */
  readonly onlyHumanPasses: number
}

export interface Agreement {
  readonly metric: string
  readonly n: number
  readonly failed: number
  readonly meanAbsoluteError?: number
  /** The judge's mean less people's. */
  readonly bias?: number
  readonly biasInterval?: Interval
  /** Absent for fewer than three, or where one of the two always says the same. */
  readonly pearson?: number
  readonly spearman?: number
  readonly confusion?: Confusion
  /** Cohen's, of passing the threshold; absent where both always say the same. */
  readonly kappa?: number
  /** The answers on which they differ most. */
  readonly furthest: ReadonlyArray<{ readonly id: string; readonly human: number; readonly judge: number }>
}

export const agreement = (
  metric: Pick<Metric, "name" | "direction" | "threshold">,
  labelled: ReadonlyArray<Labelled>
): Agreement => {
  const pairs = labelled.flatMap(({ group, human, id, judge }) =>
    judge === undefined ? [] : [{ id, group, human, judge, error: judge - human }]
  )
  const counted = { metric: metric.name, n: pairs.length, failed: labelled.length - pairs.length }
  if (pairs.length === 0) return { ...counted, furthest: [] }
  const interval = meanInterval(pairs.map(({ error, group }) => ({ value: error, group })))
  const [humans, judges] = [pairs.map(({ human }) => human), pairs.map(({ judge }) => judge)]
  const pearson = pairs.length < 3 ? Number.NaN : sampleCorrelation(humans, judges)
  const spearman = pairs.length < 3 ? Number.NaN : sampleRankCorrelation(humans, judges)
  const confusion = metric.threshold === undefined ? undefined : confusionOf(pairs, metric.direction, metric.threshold)
  const kappa = confusion && cohensKappa(confusion)
  return {
    ...counted,
    meanAbsoluteError: mean(pairs.map(({ error }) => Math.abs(error))),
    bias: mean(pairs.map(({ error }) => error)),
    ...(interval && { biasInterval: interval }),
    ...(Number.isFinite(pearson) && { pearson }),
    ...(Number.isFinite(spearman) && { spearman }),
    ...(confusion && { confusion }),
    ...(kappa !== undefined && { kappa }),
    furthest: pairs
      .filter(({ error }) => error !== 0)
      .toSorted((a, b) => Math.abs(b.error) - Math.abs(a.error))
      .slice(0, 3)
      .map(({ human, id, judge }) => ({ id, human, judge }))
  }
}

const confusionOf = (
  pairs: ReadonlyArray<{ readonly human: number; readonly judge: number }>,
  direction: Direction,
  threshold: number
): Confusion => {
  const passed = (value: number) => meets(value, direction, threshold)
  const count = (byHuman: boolean, byJudge: boolean) =>
    pairs.filter(({ human, judge }) => passed(human) === byHuman && passed(judge) === byJudge).length
  return {
    bothPass: count(true, true),
    bothFail: count(false, false),
    onlyJudgePasses: count(false, true),
    onlyHumanPasses: count(true, false)
  }
}

/** Agreement beyond what chance would give two who pass as often as these (Cohen 1960). */
export const cohensKappa = (confusion: Confusion): number | undefined => {
  const { bothFail, bothPass, onlyHumanPasses, onlyJudgePasses } = confusion
  const n = bothPass + bothFail + onlyJudgePasses + onlyHumanPasses
  const [human, judge] = [bothPass + onlyHumanPasses, bothPass + onlyJudgePasses]
  const chance = (human * judge + (n - human) * (n - judge)) / n ** 2
  return n === 0 || chance === 1 ? undefined : ((bothPass + bothFail) / n - chance) / (1 - chance)
}
