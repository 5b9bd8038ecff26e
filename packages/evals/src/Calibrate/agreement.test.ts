import { assert, describe, it } from "@effect/vitest"
import { agreement, cohensKappa, type Labelled } from "./agreement.ts"
import { told } from "./told.ts"

const labelled = (...pairs: ReadonlyArray<readonly [human: number, judge?: number]>): ReadonlyArray<Labelled> =>
  pairs.map(([human, judge], index) => ({ id: `sample ${index}`, human, judge }))

const helpfulness = { name: "helpfulness", direction: "higher", threshold: 0.5 } as const
const judge = { model: "gpt-4o-mini", isOffline: false }

describe("agreement with people", () => {
  it("has Cohen's kappa", () => {
    // The example of Wikipedia's article: 20 both yes, 15 both no, 5 and 10 differ.
    assert.closeTo(cohensKappa({ bothPass: 20, bothFail: 15, onlyHumanPasses: 5, onlyJudgePasses: 10 }) ?? 0, 0.4, 1e-9)
    assert.isUndefined(cohensKappa({ bothPass: 9, bothFail: 0, onlyHumanPasses: 0, onlyJudgePasses: 0 }))
  })

  it("tells errors, leaning and correlation, and leaves out what could not be judged", () => {
    const seen = agreement(
      helpfulness,
      labelled([0, 0.2], [0.2, 0.4], [0.4, 0.6], [0.6, 0.7], [0.8, 0.9], [0.9, 1], [1, 1], [0.3, 0.5], [0.5])
    )
    assert.deepInclude(seen, { metric: "helpfulness", n: 8, failed: 1 })
    assert.closeTo(seen.meanAbsoluteError ?? 0, 0.1375, 1e-9)
    assert.closeTo(seen.bias ?? 0, 0.1375, 1e-9)
    assert.isAbove(seen.biasInterval?.low ?? 0, 0)
    assert.closeTo(seen.spearman ?? 0, 0.994, 0.001)
    assert.deepStrictEqual(seen.confusion, { bothPass: 4, bothFail: 2, onlyJudgePasses: 2, onlyHumanPasses: 0 })
    assert.strictEqual(seen.kappa, 0.5)
    const text = told([seen], judge).join("\n")
    assert.include(text, "8 answers (1 more could not be judged)")
    assert.include(text, "scores higher than people")
    assert.include(text, "kappa 0.50, moderate")
  })

  it("passes what is low enough, where low is better", () => {
    const { confusion } = agreement(
      { name: "toxicity", direction: "lower", threshold: 0.2 },
      labelled([0, 0.1], [0.9, 0.8], [0.1, 0.5], [0.6, 0.2])
    )
    assert.deepStrictEqual(confusion, { bothPass: 1, bothFail: 1, onlyJudgePasses: 1, onlyHumanPasses: 1 })
  })

  it("makes up no figure where there is none", () => {
    assert.deepStrictEqual(agreement(helpfulness, labelled([0.5])), {
      metric: "helpfulness",
      n: 0,
      failed: 1,
      furthest: []
    })
    const constant = agreement(helpfulness, labelled([1, 1], [1, 1], [1, 1]))
    assert.isUndefined(constant.pearson)
    assert.isUndefined(constant.spearman)
    assert.isUndefined(constant.kappa)
    assert.notInclude(told([constant], judge).join("\n"), "NaN")
  })
})
