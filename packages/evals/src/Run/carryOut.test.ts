import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { judged, listen } from "../../test/StubJudge.ts"
import { evaluate, judgementEur, metric, samples } from "../../test/TestRun.ts"

const names = ["conciseness", "hallucination", "helpfulness", "relevancy", "toxicity"]

/** 100 samples and a judge of 200 ms take 20 s at the least: EVALS_SPEED=full. */
const isFull = process.env["EVALS_SPEED"] === "full"
const [count, delayMillis] = isFull ? [100, 200] : [20, 100]

describe("a run", () => {
  it.live(
    "takes at most 1.3 times what the judge's own time makes necessary, and never asks more at once",
    () =>
      Effect.gen(function* () {
        const stub = yield* listen
        yield* evaluate(stub, samples(1))
        stub.handle(() => ({ ...judged(0.9), delayMillis }))
        const ideal = (count * names.length * delayMillis) / 5
        const before = performance.now()
        const { results } = yield* evaluate(stub, samples(count), { metrics: names.map((name) => metric(name)) })
        const took = performance.now() - before
        yield* Effect.log(`${Math.round(took)} ms, ideal ${ideal} ms, ${(took / ideal).toFixed(2)} times`)
        assert.lengthOf(results, count * names.length)
        assert.strictEqual(stub.maxOpen(), 5)
        assert.isBelow(took / ideal, 1.3)
      }).pipe(Effect.scoped),
    // A machine that does something else meanwhile says nothing of the runner.
    { timeout: 60_000, retry: 2 }
  )

  it.live("of a judge that is dead stops after as many errors as allowed", () =>
    Effect.gen(function* () {
      const { results, stopped } = yield* evaluate({ baseUrl: "http://127.0.0.1:9" }, samples(50), { maxErrors: 7 })
      assert.strictEqual(stopped, "too many errors")
      assert.isAtLeast(results.length, 7)
      assert.isBelow(results.length, 7 + 5)
      assert.strictEqual(results[0]?.error?.kind, "unreachable")
    })
  )

  it.live("stops before it costs more than allowed", () =>
    Effect.gen(function* () {
      const stub = yield* listen
      const maxCostEur = 12.5 * judgementEur
      const { results, stopped } = yield* evaluate(stub, samples(50), { maxCostEur })
      assert.strictEqual(stopped, "too expensive")
      const spent = results.reduce((sum, { costEur }) => sum + costEur, 0)
      assert.isAtMost(spent, maxCostEur)
      assert.isAbove(spent, maxCostEur / 2)
    }).pipe(Effect.scoped)
  )

  it.live("says of a sample without what a metric requires that it does not apply, and scores no 0", () =>
    Effect.gen(function* () {
      const stub = yield* listen
      const metrics = [metric("faithfulness", { requires: ["output", "context"] })]
      const { results } = yield* evaluate(stub, samples(1), { metrics })
      assert.deepInclude(results[0], { notApplicable: "has no context", attempts: 0 })
      assert.lengthOf(stub.asked, 0)
    }).pipe(Effect.scoped)
  )
})
