import { assert, describe, it } from "@effect/vitest"
import { metrics } from "../../test/madeUp.ts"
import type { Direction } from "../Evaluation.ts"
import { metricFigures, overall } from "./figures.ts"
import { gate } from "./gate.ts"
import type { EvaluationReport, TraceReport } from "./Report.ts"

const resampling = { seed: 1, resamples: 200, level: 0.95 }
const evaluation = (part: Partial<EvaluationReport>): EvaluationReport => ({
  metric: "m",
  attempts: 1,
  costEur: 0,
  isCached: false,
  ...part
})
const failed = evaluation({ error: { kind: "JudgeTimeout" } })
const notApplicable = evaluation({ notApplicable: "has no context" })
const score = (score: number) => evaluation({ score })

const figures = (
  direction: Direction,
  threshold: number | undefined,
  evaluations: ReadonlyArray<EvaluationReport>,
  more: { readonly weight?: number; readonly name?: string } = {}
) => {
  const [base] = metrics
  if (base === undefined) throw new Error("no metric")
  const { threshold: _, ...rest } = { ...base, name: "m", direction, ...more }
  const traces: ReadonlyArray<TraceReport> = evaluations.map((it, index) => ({
    id: String(index),
    evaluations: [{ ...it, metric: rest.name }]
  }))
  return metricFigures({ ...rest, ...(threshold !== undefined && { threshold }) }, traces, resampling)
}

describe("the gate", () => {
  it("wants the mean at the threshold or on its good side, in the metric's direction", () => {
    const cases: ReadonlyArray<readonly [Direction, number, ReadonlyArray<number>, 0 | 1]> = [
      ["higher", 0.7, [0.8, 0.9], 0],
      ["higher", 0.7, [0.6, 0.7], 1],
      ["lower", 0.2, [0.1, 0.1], 0],
      ["lower", 0.2, [0.3, 0.2], 1],
      // (0.1 + 0.2) / 2 is more than 0.15, and meant to be it.
      ["lower", 0.15, [0.1, 0.2], 0],
      ["higher", 0.3, [0.1, 0.2, 0.6], 0]
    ]
    for (const [direction, threshold, scores, exitCode] of cases) {
      assert.strictEqual(gate([figures(direction, threshold, scores.map(score))]).exitCode, exitCode)
    }
  })

  it("names each metric that was missed, and by how much", () => {
    const found = gate([
      figures("higher", 0.7, [score(0.5)], { name: "helpfulness" }),
      figures("lower", 0.2, [score(0.4)], { name: "toxicity" }),
      figures("higher", 0.7, [score(0.9)], { name: "relevancy" }),
      figures("higher", 0.7, [score(0.6999)], { name: "conciseness" })
    ])
    assert.deepStrictEqual(found, {
      verdict: "missed",
      reasons: [
        "helpfulness is 0.50 and should be at least 0.70.",
        "toxicity is 0.40 and should be at most 0.20.",
        "conciseness is 0.6999 and should be at least 0.70."
      ],
      missed: ["helpfulness", "toxicity", "conciseness"],
      exitCode: 1
    })
  })

  it("counts what failed or does not apply as nothing, never as 0", () => {
    const metric = figures("higher", 0.7, [score(0.8), failed, failed, notApplicable])
    assert.deepInclude(metric, { n: 1, failed: 2, notApplicable: 1, mean: 0.8, median: 0.8, outcome: "met" })
    assert.deepStrictEqual(metric.passRate, { n: 1, passed: 1, rate: 1 })
    assert.strictEqual(figures("lower", 0.2, [score(0.8), failed]).outcome, "missed")
  })

  it("judges nothing by nothing", () => {
    for (const metrics of [[], [figures("higher", 0.7, [])], [figures("higher", 0.7, [notApplicable])]]) {
      assert.deepInclude(gate(metrics), { verdict: "not judged", exitCode: 3 })
    }
    const good = figures("higher", 0.7, [score(0.9)])
    assert.strictEqual(gate([good, figures("higher", 0.7, [failed], { name: "broken" })]).exitCode, 3)
    assert.include(
      gate([good, figures("higher", 0.7, [failed], { name: "broken" })]).reasons.join(),
      "broken has no value"
    )
    const bad = figures("higher", 0.7, [score(0.1)])
    assert.deepInclude(gate([bad], "too many errors"), { verdict: "not judged", exitCode: 3, missed: ["m"] })
  })

  it("passes what has no threshold, and tells of what applies to no sample", () => {
    assert.deepStrictEqual(gate([figures("higher", undefined, [score(0)])]).exitCode, 0)
    const found = gate([
      figures("higher", 0.7, [score(1)]),
      figures("lower", 0.2, [notApplicable], { name: "hallucination" })
    ])
    assert.deepStrictEqual(found, {
      verdict: "passed",
      reasons: ["hallucination was not evaluated: no sample has what it requires."],
      missed: [],
      exitCode: 0
    })
  })

  it("says when another draw of samples might have decided otherwise", () => {
    const scores = Array.from({ length: 20 }, (_, index) => score(index % 2 === 0 ? 0.5 : 0.95))
    assert.isTrue(figures("higher", 0.7, scores).isClose)
    assert.isFalse(figures("higher", 0.2, scores).isClose)
    const missed = gate([figures("higher", 0.8, scores)])
    assert.match(missed.reasons[0] ?? "", /though its interval holds the threshold\.$/u)
  })
})

describe("the overall score", () => {
  it("turns what should be low around, by weight", () => {
    const good = figures("higher", 0.7, [score(0.8)], { weight: 3 })
    const low = figures("lower", 0.7, [score(0.4)], { weight: 1 })
    assert.closeTo(overall([good, low]) ?? 0, (3 * 0.8 + 0.6) / 4, 1e-9)
    assert.isUndefined(overall([figures("higher", 0.7, [failed])]))
    assert.closeTo(overall([good, figures("higher", 0.7, [score(0)], { weight: 0 })]) ?? 0, 0.8, 1e-9)
  })
})
