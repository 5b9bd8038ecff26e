/** Agreement in words, for a terminal. */
import type { Model } from "../Evaluation.ts"
import { interval, none, plural } from "../Report/words.ts"
import type { Agreement } from "./agreement.ts"

/** Landis and Koch's names for kappa (1977), which are usual, not law. */
const strength = (kappa: number): string => {
  if (kappa > 0.8) return "almost perfect"
  if (kappa > 0.6) return "substantial"
  if (kappa > 0.4) return "moderate"
  if (kappa > 0.2) return "fair"
  return kappa > 0 ? "slight" : "no better than chance"
}

const figure = (value: number | undefined) => value?.toFixed(2) ?? none

const leaning = ({ bias = 0, biasInterval }: Agreement): string => {
  if (biasInterval === undefined || (biasInterval.low <= 0 && biasInterval.high >= 0)) return "no clear bias"
  return bias > 0 ? "scores higher than people" : "scores lower than people"
}

const paragraph = (of: Agreement): ReadonlyArray<string> => {
  const { bias, biasInterval, confusion, failed, furthest, kappa, meanAbsoluteError, metric, n, pearson, spearman } = of
  const left = failed === 0 ? "" : ` (${failed} more could not be judged)`
  if (n === 0) return [`${metric}: nothing to compare${left}`]
  return [
    `${metric}: ${plural(n, "answer")}${left}`,
    `  off by ${figure(meanAbsoluteError)} on average; ${leaning(of)}, ${figure(bias)} (${interval(biasInterval, "score")})`,
    `  correlation: Pearson ${figure(pearson)}, Spearman ${figure(spearman)}`,
    ...(confusion === undefined
      ? []
      : [
          `  at the threshold: both pass ${confusion.bothPass}, both fail ${confusion.bothFail}, only the judge passes ${confusion.onlyJudgePasses}, only people pass ${confusion.onlyHumanPasses}`,
          `  kappa ${kappa === undefined ? `${none}: one of the two sides is empty` : `${figure(kappa)}, ${strength(kappa)}`}`
        ]),
    ...(furthest.length === 0
      ? []
      : [
          `  furthest apart: ${furthest.map(({ human, id, judge }) => `${id} (people ${figure(human)}, judge ${figure(judge)})`).join(", ")}`
        ])
  ]
}

export const told = (agreements: ReadonlyArray<Agreement>, judge: Model) => [
  `Judge: ${judge.model}${judge.isOffline ? ", the offline stand-in: its agreement says nothing of a real one" : ""}`,
  ...agreements.flatMap((one) => ["", ...paragraph(one)])
]
