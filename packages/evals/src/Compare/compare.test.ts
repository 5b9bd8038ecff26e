import { assert, describe, it } from "@effect/vitest"
import { madeUp, uniform } from "../../test/madeUp.ts"
import type { Report } from "../Report/Report.ts"
import { summarise } from "../Report/summarise.ts"
import { defaultResampling } from "../Statistics/bootstrap.ts"
import { compare } from "./compare.ts"
import { told } from "./told.ts"

const report = (...options: Parameters<typeof madeUp>) => summarise(madeUp(...options), { includeContent: false })

const verdicts = (a: Report, b: Report) =>
  Object.fromEntries(compare(a, b).metrics.map(({ name, verdict }) => [name, verdict]))

describe("a comparison", () => {
  const before = report({ seed: 1, failing: 1e9 })

  it("finds what became worse and what became better, in the direction of the metric", () => {
    const after = report({
      seed: 2,
      failing: 1e9,
      shift: { helpfulness: -0.12, hallucination: 0.2, toxicity: 0.2, conciseness: 0.12 }
    })
    assert.deepStrictEqual(verdicts(before, after), {
      conciseness: "better",
      hallucination: "worse",
      helpfulness: "worse",
      relevancy: "inconclusive",
      toxicity: "worse",
      latency: "inconclusive"
    })
    assert.deepStrictEqual(compare(before, after).regressions, ["hallucination", "helpfulness", "toxicity"])
    assert.deepInclude(verdicts(after, before), { helpfulness: "better", conciseness: "worse", toxicity: "better" })
    const lines = told(compare(before, after))
    assert.match(
      lines[2] ?? "",
      /^helpfulness: worse\. 0\.\d\d to 0\.\d\d, by -0\.\d\d \(-0\.\d\d to -0\.\d\d\), over 40 pairs, p (= 0\.0\d\d|< 0\.001)\.$/u
    )
    assert.strictEqual(lines.at(-1), "3 significant regressions: hallucination, helpfulness, toxicity.")
  })

  it("of a report with itself finds nothing, and says so", () => {
    const same = compare(before, before)
    assert.deepStrictEqual([...new Set(same.metrics.map(({ verdict }) => verdict))], ["inconclusive"])
    assert.deepStrictEqual(same.regressions, [])
    assert.strictEqual(told(same).at(-1), "No significant regression.")
  })

  it("is of the samples that both have; those that one lacks are told", () => {
    const fewer = report({ seed: 2, samples: 30, shift: { helpfulness: -0.15 } })
    const helpfulness = compare(before, fewer).metrics.find(({ name }) => name === "helpfulness")
    assert.isDefined(helpfulness)
    const { onlyInA = 0, onlyInB = 0, pairs = 0, verdict } = helpfulness ?? {}
    assert.strictEqual(verdict, "worse")
    assert.isAtLeast(pairs, 28)
    assert.strictEqual(pairs + onlyInA, before.metrics[2]?.n)
    assert.strictEqual(pairs + onlyInB, fewer.metrics[2]?.n)
    assert.include(told(compare(before, fewer))[2], `Left out: ${onlyInA} in A alone`)
  })

  it("does not blame what is different for how it was measured", () => {
    const after = report({ seed: 2, shift: { helpfulness: -0.5, conciseness: -0.5, relevancy: -0.5 } })
    const changed: Report = {
      ...after,
      metrics: after.metrics
        .filter(({ name }) => name !== "toxicity")
        .map((metric) => {
          if (metric.name === "helpfulness") return { ...metric, version: "2" }
          if (metric.name === "conciseness") return { ...metric, hash: "another" }
          return metric.name === "relevancy" ? { ...metric, judge: { model: "gpt-4o", isOffline: false } } : metric
        })
    }
    const comparison = compare(before, changed)
    const reasons = comparison.metrics.filter(({ verdict }) => verdict === "not comparable").map(({ reason }) => reason)
    assert.deepStrictEqual(reasons, [
      "its text differs, though both say version 1",
      "version 1 in A, 2 in B",
      "judged by gpt-4o-mini in A, gpt-4o in B",
      "only A has it"
    ])
    assert.deepStrictEqual(comparison.regressions, [])
  })

  it("says nothing of five pairs, however different, and of none that they are none", () => {
    const [few, worse] = [
      report({ samples: 5, failing: 1e9 }),
      report({ samples: 5, failing: 1e9, seed: 2, shift: { helpfulness: -0.9 } })
    ]
    const helpfulness = compare(few, worse).metrics.find(({ name }) => name === "helpfulness")
    assert.deepInclude(helpfulness, {
      verdict: "inconclusive",
      pairs: 5,
      reason: "fewer than six pairs or groups tell nothing"
    })
    const others = { ...before, traces: before.traces.map((trace) => ({ ...trace, id: `other ${trace.id}` })) }
    for (const metric of compare(before, others).metrics) {
      assert.deepInclude(metric, { verdict: "not comparable", pairs: 0, reason: "no sample is scored in both" })
    }
  })

  it("does not fail for what has no weight", () => {
    const slower: Report = {
      ...before,
      traces: before.traces.map((trace) => ({
        ...trace,
        evaluations: trace.evaluations.map((it) => (it.metric === "latency" ? { ...it, score: 5000 } : it))
      }))
    }
    const comparison = compare(before, slower)
    assert.deepInclude(comparison.metrics.at(-1), { name: "latency", verdict: "worse" })
    assert.deepStrictEqual(comparison.regressions, [])
  })

  it("calls noise in any of five metrics a change in at most one of twenty comparisons", () => {
    const names = ["a", "b", "c", "d", "e"]
    const facts = before.metrics[2]
    assert.isDefined(facts)
    if (facts === undefined) return
    const alarms = (samples: number) => {
      const random = uniform(77 + samples)
      // Full marks for six in ten, whoever answers: what a judge's scores are like.
      const drawn = (): Report => ({
        ...before,
        metrics: names.map((name) => ({ ...facts, name })),
        traces: Array.from({ length: samples }, (_, index) => ({
          id: String(index),
          evaluations: names.map((metric) => ({
            metric,
            score: random() < 0.6 ? 1 : random(),
            attempts: 1,
            costEur: 0,
            isCached: false
          }))
        }))
      })
      let count = 0
      for (let seed = 1; seed <= 300; seed += 1) {
        const { metrics } = compare(drawn(), drawn(), { ...defaultResampling, seed, resamples: 300 })
        if (metrics.some(({ verdict }) => verdict !== "inconclusive")) count += 1
      }
      return count / 300
    }
    for (const rate of [alarms(40), alarms(10)]) {
      assert.isAtMost(rate, 0.05)
      // Were it never wrong, it would not be looking.
      assert.isAbove(rate, 0)
    }
  }, 60_000)
})
