import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { parse, settings } from "./settings.ts"

describe("a limit", () => {
  for (const [text, ...windows] of [
    ["30 per minute", [30, 1, "minute"]],
    ["30/minute", [30, 1, "minute"]],
    ["30 per 1 minute", [30, 1, "minute"]],
    ["  30  PER  Minutes ", [30, 1, "minute"]],
    ["5/10 seconds", [5, 10, "second"]],
    ["200 per day, 50 per hour", [50, 1, "hour"], [200, 1, "day"]],
    ["1/second,60/minute,3600/hour", [1, 1, "second"], [60, 1, "minute"], [3600, 1, "hour"]]
  ] as const)
    it(`can be written as "${text}"`, () => {
      const expected = windows.map(([quota, count, unit]) => ({ quota, count, unit }))
      assert.deepStrictEqual(parse(text), expected)
    })

  for (const text of [
    "",
    "30",
    "minute",
    "30 minute",
    "30 perminute",
    "0 per minute",
    "-1 per minute",
    "1.5 per minute",
    "30 per 0 minutes",
    "30 per fortnight",
    "30 per minute,",
    "30 per minute; 50 per hour",
    "30 per minute, 40 per 60 seconds",
    "30 per minute and more"
  ])
    it(`cannot be written as "${text}"`, () => assert.deepStrictEqual(parse(text), []))
})

describe("the limits", () => {
  const read = (environment: Readonly<Record<string, string>>) =>
    Effect.map(
      Effect.forEach(
        [settings.default, settings.chat, settings.chatStream, settings.register, settings.login, settings.webhook],
        ({ config }) => config.parse(ConfigProvider.fromUnknown(environment))
      ),
      (limits) => limits.map((windows) => windows.map(({ count, quota, unit }) => `${quota} per ${count} ${unit}`))
    )
  const own = [["30 per 1 minute"], ["20 per 1 minute"], ["10 per 1 hour"], ["20 per 1 minute"], ["1000 per 1 minute"]]

  it.effect("are those of the guidelines, and more generous in development", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ APP_ENV: "production" }), [["50 per 1 hour", "200 per 1 day"], ...own])
      assert.deepStrictEqual(yield* read({}), [["200 per 1 hour", "1000 per 1 day"], ...own])
    })
  )

  it.effect("stop the start when they cannot be read", () =>
    Effect.map(Effect.exit(read({ RATE_LIMIT_CHAT: "many" })), ({ _tag }) => assert.strictEqual(_tag, "Failure"))
  )
})
