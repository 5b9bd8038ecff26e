import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Prices, roundEur } from "./Prices.ts"

layer(Prices.layer)("prices", (it) => {
  const million = Effect.fnUntraced(function* (model: string) {
    const { costEur } = yield* Prices
    return [costEur(model, 1_000_000, 0), costEur(model, 0, 1_000_000)]
  })

  it.effect.each([
    ["gpt-4o-mini", [0.138, 0.552]],
    ["gpt-4o-mini-2024-07-18", [0.138, 0.552]],
    ["gpt-4o", [2.3, 9.2]],
    ["gpt-4o-2024-08-06", [2.3, 9.2]],
    ["gpt-4.1-mini-2025-04-14", [0.368, 1.472]],
    ["gpt-4.1", [1.84, 7.36]],
    ["gpt-4", [0, 0]],
    ["gpt-4omega", [0, 0]],
    ["llama3.2", [0, 0]],
    ["", [0, 0]],
    ["toString", [0, 0]]
  ] as const)("of %s are %j euros a million tokens", ([model, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* million(model), [...expected])
    })
  )

  it.effect("are what the table of usage can hold, and add up there as here", () =>
    Effect.gen(function* () {
      const { costEur } = yield* Prices
      assert.strictEqual(costEur("gpt-4o-mini", 11, 7), 0.000_005_38)
      assert.strictEqual(roundEur(0.1 + 0.2), 0.3)
    })
  )
})
