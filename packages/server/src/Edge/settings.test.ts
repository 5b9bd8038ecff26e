import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Result } from "effect"
import { settings } from "./settings.ts"

const read = (environment: Readonly<Record<string, string>>) =>
  settings.corsOrigins.config.parse(ConfigProvider.fromUnknown(environment))

describe("the origins that may call the API", () => {
  const parse = (CORS_ORIGINS: string) => Effect.result(read({ APP_ENV: "production", CORS_ORIGINS }))

  it.effect("are a list, or all", () =>
    Effect.gen(function* () {
      for (const [text, origins] of [
        ["https://a.example", ["https://a.example"]],
        ["https://a.example, http://localhost:3000", ["https://a.example", "http://localhost:3000"]],
        ["http://[::1]:3000", ["http://[::1]:3000"]],
        ["*", ["*"]]
      ] as const)
        assert.deepStrictEqual(Result.getOrUndefined(yield* parse(text)), [...origins])
    })
  )

  for (const text of [
    "*,https://a.example",
    "https://*.example",
    "https://a.example/",
    "https://a.example/path",
    "https://a.example:443",
    "https://A.example",
    "https://user@a.example",
    "https://a.example?x",
    "a.example",
    "localhost:3000",
    "null",
    "file:///tmp",
    "ftp://a.example",
    "https://a.example,,",
    ","
  ])
    it.effect(`are not ${text}, which no browser sends`, () =>
      Effect.map(parse(text), (result) => assert.isTrue(Result.isFailure(result)))
    )

  for (const [APP_ENV, origins] of [
    ["development", ["http://localhost:3000", "http://localhost:5173"]],
    ["test", []],
    ["staging", []],
    ["production", []]
  ] as const)
    it.effect(`are ${origins.length === 0 ? "none" : origins.join(" and ")} in ${APP_ENV} unless they are set`, () =>
      Effect.map(read({ APP_ENV }), (found) => assert.deepStrictEqual(found, [...origins]))
    )
})
