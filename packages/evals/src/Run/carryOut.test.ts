import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { judged, listen } from "../../test/StubJudge.ts"
import { evaluate, judgementEur, metric, samples } from "../../test/TestRun.ts"

const names = ["conciseness", "hallucination", "helpfulness", "relevancy", "toxicity"]

describe("a run", () => {
  it.live("always asks as much at once as it may, and never more", () =>
    Effect.gen(function* () {
      const stub = yield* listen
      // A judge that says nothing until five have asked: whoever asks fewer at once waits for ever.
      let waiting: Array<() => void> = []
      stub.handle(() => {
        const after = new Promise<void>((resume) => waiting.push(resume))
        if (waiting.length === 5) {
          for (const resume of waiting) resume()
          waiting = []
        }
        return { ...judged(0.9), after }
      })
      const { results } = yield* evaluate(stub, samples(20), { metrics: names.map((name) => metric(name)) })
      assert.lengthOf(results, 20 * names.length)
      assert.strictEqual(stub.maxOpen(), 5)
    }).pipe(Effect.scoped)
  )

  // 20 s at the least, and on a machine that does nothing else meanwhile: EVALS_SPEED=full.
  if (process.env["EVALS_SPEED"] === "full")
    it.live(
      "of 100 samples and 5 metrics takes at most 1.3 times what a judge of 200 ms makes necessary",
      () =>
        Effect.gen(function* () {
          const stub = yield* listen
          stub.handle(() => ({ ...judged(0.9), delayMillis: 200 }))
          const before = performance.now()
          yield* evaluate(stub, samples(100), { metrics: names.map((name) => metric(name)) })
          const took = performance.now() - before
          yield* Effect.log(`${Math.round(took)} ms, ideal 20000 ms, ${(took / 20_000).toFixed(2)} times`)
          assert.isBelow(took / 20_000, 1.3)
        }).pipe(Effect.scoped),
      60_000
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
