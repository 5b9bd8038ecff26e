/** `make mutants` goes through all alerts; here it is shown with the quickest that it works. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Effect } from "effect"
import { isNoticed, mutants } from "./Mutation.ts"
import { alertsOf, read } from "./rules.ts"

vi.setConfig({ testTimeout: 120_000 })

const quick = ["UserCostAboveThreshold", "LlmDailyBudgetExceeded", "ApiDown", "RefreshTokenReuseDetected"]

layer(NodeServices.layer, { excludeTestServices: true })("a change of the rules", (it) => {
  it.effect("is noticed by their tests, whether of a threshold, an operator or a wait", () =>
    Effect.gen(function* () {
      const made = yield* mutants(yield* read, quick)
      const noticed = yield* Effect.forEach(made, isNoticed, { concurrency: 2 })
      assert.isAtLeast(made.length, 15)
      assert.deepStrictEqual(
        made.filter((_, index) => noticed[index] !== true).map(({ alert, change }) => `${alert}, ${change}`),
        []
      )
    })
  )

  it.effect("that changes nothing is not noticed", () =>
    Effect.gen(function* () {
      const rules = yield* read
      const [mutant] = yield* mutants(rules, ["ApiDown"])
      assert.isDefined(mutant)
      assert.isFalse(yield* isNoticed({ ...mutant, rules }))
    })
  )

  it.effect("is made of a threshold and an operator of every alert", () =>
    Effect.gen(function* () {
      const rules = yield* read
      const made = yield* mutants(rules)
      for (const { alert } of alertsOf(rules)) {
        const own = new Set(made.filter((mutant) => mutant.alert === alert).map(({ kind }) => kind))
        assert.deepStrictEqual([own.has("threshold"), own.has("operator")], Array(2).fill(alert !== "Watchdog"), alert)
      }
    })
  )
})
