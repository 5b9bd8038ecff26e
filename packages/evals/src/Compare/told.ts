/** A comparison in words, for a terminal. */
import { amount, none, plural } from "../Report/words.ts"
import type { Comparison, MetricComparison } from "./compare.ts"

const signed = (value: number, unit: MetricComparison["unit"]) =>
  value < 0 ? `-${amount(-value, unit)}` : `+${amount(value, unit)}`

/** helpfulness: worse. 0.82 to 0.71, by -0.11 (-0.15 to -0.07), over 40 pairs, p = 0.001. */
export const sentence = (metric: MetricComparison): string => {
  const { difference, interval, meanA, meanB, name, onlyInA, onlyInB, p, pairs, reason, unit, verdict } = metric
  const unpaired = [
    ...(onlyInA > 0 ? [`${onlyInA} in A alone`] : []),
    ...(onlyInB > 0 ? [`${onlyInB} in B alone`] : [])
  ]
  const left = unpaired.length === 0 ? "" : ` Left out: ${unpaired.join(", ")}.`
  if (difference === undefined) return `${name}: ${verdict}, ${reason ?? none}.${left}`
  const by = interval === undefined ? "" : ` (${signed(interval.low, unit)} to ${signed(interval.high, unit)})`
  const chance = p === undefined ? "" : `, p ${p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`}`
  return `${name}: ${verdict}${reason === undefined ? "" : `, ${reason}`}. ${amount(meanA, unit)} to ${amount(meanB, unit)}, by ${signed(difference, unit)}${by}, over ${plural(pairs, "pair")}${chance}.${left}`
}

export const told = ({ metrics, regressions }: Comparison): ReadonlyArray<string> => [
  ...metrics.map(sentence),
  regressions.length === 0
    ? "No significant regression."
    : `${plural(regressions.length, "significant regression")}: ${regressions.join(", ")}.`
]
