import { NodeServices } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer } from "effect"
import * as TestLog from "../../test/TestLog.ts"
import { Prices, roundEur } from "./Prices.ts"

const layerWith = (environment: Readonly<Record<string, string>>) =>
  Prices.layer.pipe(
    Layer.provideMerge(TestLog.layer),
    Layer.provide([ConfigProvider.layer(ConfigProvider.fromUnknown(environment)), NodeServices.layer])
  )

/** What a million tokens cost, in and out. */
const million = Effect.fnUntraced(function* (model: string) {
  const { costEur } = yield* Prices
  return [yield* costEur(model, 1_000_000, 0), yield* costEur(model, 0, 1_000_000)]
})

layer(layerWith({}))("prices", (it) => {
  it.effect.each([
    ["gpt-4o-mini", [0.138, 0.552]],
    ["gpt-4o-mini-2024-07-18", [0.138, 0.552]],
    ["gpt-4o", [2.3, 9.2]],
    ["gpt-4o-2024-08-06", [2.3, 9.2]],
    ["gpt-4o-2024-05-13", [4.6, 13.8]],
    ["gpt-4.1-mini-2025-04-14", [0.368, 1.472]],
    ["gpt-4.1", [1.84, 7.36]],
    ["gpt-4-0613", [27.6, 55.2]],
    ["gpt-4o-20250219", [2.3, 9.2]],
    ["gpt-4o@20250219", [2.3, 9.2]],
    ["openai/gpt-4o-mini", [0.138, 0.552]],
    ["openrouter/openai/gpt-4o-mini-2024-07-18", [0.138, 0.552]],
    ["parley-offline", [0, 0]]
  ] as const)("of %s are %j euros a million tokens", ([model, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* million(model), [...expected])
    })
  )

  it.effect.each([
    "gpt-4o-audio-preview",
    "gpt-4o-mini-search-preview-2025-03-11",
    "gpt-4omega",
    "gpt-4o-mini:latest",
    "gpt-4o:2024-08-06",
    "gpt-4o-8192",
    "gpt-4o-2024-08-06-eu",
    "ft:gpt-4o-mini-2024-07-18:parley::1",
    "gpt-4o-mini/",
    "GPT-4o",
    "llama3.2",
    "",
    "toString"
  ])("of %s are not known, for it is another model", (model) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* million(model), [0, 0])
    })
  )

  it.effect("are what the table of usage can hold, and add up there as here", () =>
    Effect.gen(function* () {
      const { costEur } = yield* Prices
      assert.strictEqual(yield* costEur("gpt-4o-mini", 11, 7), 0.000_005_38)
      assert.strictEqual(roundEur(0.1 + 0.2), 0.3)
    })
  )
})

describe("a model without a price", () => {
  const warnings = Effect.map(TestLog.TestLog, ({ lines }) => lines.filter((line) => line.includes("without a price")))

  it.effect("is told to the log once, and one that costs nothing is not", () =>
    Effect.gen(function* () {
      for (const model of ["llama3.2", "qwen3", "llama3.2", "parley-offline", "gpt-4o"]) yield* million(model)
      const found = yield* warnings
      assert.lengthOf(found, 2)
      for (const [index, model] of ["llama3.2", "qwen3"].entries()) assert.include(found[index], `"model":"${model}"`)
    }).pipe(Effect.provide(layerWith({})))
  )

  it.effect("is forgotten about when there are too many to remember", () =>
    Effect.gen(function* () {
      for (let index = 0; index < 300; index++) yield* million(`made-up-${index % 150}`)
      assert.lengthOf(yield* warnings, 100)
    }).pipe(Effect.provide(layerWith({})))
  )
})

describe("a file of prices", () => {
  const table = (models: unknown) => JSON.stringify({ version: "1", note: "ours", models })

  /** What is found with this file, or why it cannot be used. */
  const withFile = <A, E>(text: string, found: Effect.Effect<A, E, Prices>) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(file, text)
      return yield* Effect.provide(found, layerWith({ PRICES_FILE: file })).pipe(
        Effect.mapError((error) => String(error).replace(file, "FILE"))
      )
    }).pipe(Effect.provide(NodeServices.layer))

  const own = table({
    "gpt-4o": { input: 1, output: 2 },
    "llama3.2:latest": { input: 0.5, output: 0.5 },
    "openai/gpt-4.1": { input: 3, output: 4 }
  })

  it.effect.each([
    ["wins over the shipped table", "gpt-4o-2024-08-06", [1, 2]],
    ["leaves the rest of it", "gpt-4o-mini", [0.138, 0.552]],
    ["may have tags", "llama3.2:latest", [0.5, 0.5]],
    ["names tags exactly", "llama3.2:3b", [0, 0]],
    ["may name a provider", "openai/gpt-4.1-2025-04-14", [3, 4]],
    ["names a provider exactly", "azure/gpt-4.1", [1.84, 7.36]]
  ] as const)("%s: %s", ([, model, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* withFile(own, million(model)), [...expected])
    })
  )

  it.effect.each([
    ["empty", "", "Expected a valid JSON string"],
    ["no JSON", "{", "Expected a valid JSON string"],
    ["no table", "[]", "Expected object"],
    ["without models", '{"version":"1","note":""}', "models: Missing key"],
    ["half a price", table({ a: { input: 1 } }), "models > a > output: Missing key"],
    [
      "a negative price",
      table({ "gpt-4.1": { input: -1, output: 1 } }),
      "models > gpt-4.1 > input: must be a number from 0 to 1000"
    ],
    [
      "an infinite price",
      '{"version":"1","note":"","models":{"a":{"input":0,"output":1e999}}}',
      "models > a > output: must be a number from 0 to 1000"
    ],
    [
      "a price per billion",
      table({ a: { input: 0, output: 2500 } }),
      "models > a > output: must be a number from 0 to 1000"
    ],
    [
      "a price in words",
      table({ a: { input: "1", output: 0 } }),
      "models > a > input: must be a number from 0 to 1000"
    ],
    [
      "a misspelt field",
      table({ a: { input: 0, output: 0, ouput: 1 } }),
      "models > a > ouput: Expected no excess property"
    ]
  ] as const)("that is %s is refused", ([, text, problem]) =>
    Effect.gen(function* () {
      const message = yield* Effect.flip(withFile(text, million("gpt-4o")))
      assert.strictEqual(
        message,
        `PricesUnusable: Cannot use the prices of PRICES_FILE=FILE:\n  ${problem}\n` +
          "It must be the path of a JSON file in the shape of packages/server/src/Usage/prices.json."
      )
    })
  )

  it.effect("is told all that is wrong with it", () =>
    Effect.gen(function* () {
      const message = yield* Effect.flip(withFile(table({ a: { input: -1, output: -1 }, b: 1 }), million("gpt-4o")))
      for (const path of ["models > a > input", "models > a > output", "models > b"]) assert.include(message, path)
    })
  )
})
