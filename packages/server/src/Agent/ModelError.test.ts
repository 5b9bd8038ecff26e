import { assert, describe, it } from "@effect/vitest"
import { statusOf } from "@parley/domain/Chat"
import { Duration } from "effect"
import { classify } from "./ModelError.ts"

const named = (name: string, more: object = {}) => Object.assign(new Error("quotes the conversation"), { name }, more)
const answered = (status: number, more: object = {}) => named("APIError", { status, ...more })
const after = (value: string) => ({ headers: new Headers({ "retry-after": value }) })

describe("what a model call failed with", () => {
  it.each([
    // thrown, status of the turn, worth another attempt, worth another model
    ["429", answered(429, { code: "rate_limit_exceeded" }), 503, true, true],
    ["429 for want of money", answered(429, { code: "insufficient_quota" }), 503, false, true],
    ["500", answered(500), 502, true, true],
    ["502", answered(502), 502, true, true],
    ["503", answered(503), 503, true, true],
    ["504", answered(504), 504, true, true],
    ["408", answered(408), 504, true, true],
    ["409", answered(409), 502, true, true],
    ["400", answered(400), 502, false, true],
    ["401", answered(401, { lc_error_code: "MODEL_AUTHENTICATION" }), 502, false, false],
    ["403", answered(403), 502, false, true],
    ["404", answered(404, { lc_error_code: "MODEL_NOT_FOUND" }), 502, false, true],
    ["400 by the content filter", answered(400, { code: "content_filter" }), 502, false, false],
    ["400 for its length", answered(400, { code: "context_length_exceeded" }), 502, false, false],
    ["a context overflow", named("ContextOverflowError"), 502, false, false],
    ["a time-out without a status", named("TimeoutError"), 504, true, true],
    ["a cut stream", new TypeError("terminated"), 503, true, true],
    ["a refused connection", named("APIConnectionError", { code: "ECONNREFUSED" }), 503, true, true],
    ["something that is no error", "what?", 503, true, true],
    ["nothing", undefined, 503, true, true]
  ])("as %s", (_, thrown, status, retryable, isAboutModel) => {
    const failed = classify(thrown)
    assert.deepStrictEqual(
      [statusOf(failed.error), failed.retryable, failed.isAboutModel],
      [status, retryable, isAboutModel]
    )
    assert.notInclude(failed.kind, "conversation")
  })

  it("tells why there was no connection", () => {
    const cause = { code: "ECONNREFUSED", message: "connect ECONNREFUSED 10.1.2.3:9" }
    const thrown = named("Error", { cause: named("TypeError", { cause }) })
    assert.strictEqual(classify(thrown).kind, "Error ECONNREFUSED")
  })

  it.each([
    ["seconds", after("7"), 7000],
    ["no seconds at all", after("0"), 0],
    ["a fraction", after("0.5"), 500],
    ["milliseconds of the library's", { retryAfterMs: 1500, ...after("9") }, 1500],
    ["headers that are an object", { headers: { "retry-after": "3" } }, 3000],
    ["a date, which no provider sends", after("Wed, 21 Oct 2026 07:28:00 GMT"), undefined],
    ["an empty value", after(""), undefined],
    ["nothing", {}, undefined]
  ])("asks for patience in %s", (_, more, millis) => {
    const { retryAfter } = classify(answered(429, more))
    assert.strictEqual(retryAfter === undefined ? undefined : Duration.toMillis(retryAfter), millis)
  })

  it("passes that on in whole seconds, and never none", () => {
    const seconds = (more: object) => {
      const { error } = classify(answered(429, more))
      return "retryAfterSeconds" in error ? error.retryAfterSeconds : undefined
    }
    assert.deepStrictEqual([seconds(after("0")), seconds(after("1.2")), seconds({})], [1, 2, 30])
  })
})
