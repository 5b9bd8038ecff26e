import { assert, expect, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import {
  asking,
  callsOf,
  failure,
  isBackoff,
  nextTurnOfTheEventLoop,
  secret,
  withPauses
} from "../../test/AskedModel.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as TestLog from "../../test/TestLog.ts"

layer(StubModel.layer)("a model that fails", (it) => {
  it.effect.each([
    ["a rate limit", Reply.rateLimited()],
    ["a server error", Reply.refusal({ status: 500 })],
    ["an overloaded server", Reply.refusal({ status: 503 })],
    ["a gateway's page", Reply.refusal({ status: 502, body: "<html>Bad Gateway</html>" })],
    ["a time-out of its own", Reply.refusal({ status: 408 })],
    ["a conflict", Reply.refusal({ status: 409 })],
    ["a connection cut before the headers", Reply.text("never", { beforeHeaders: "cut" })],
    ["a connection cut before the first token", Reply.text("never", { afterChunks: { count: 0, stop: "cut" } })],
    ["an empty answer", Reply.text("")]
  ] as const)("with %s is asked again, after a pause", ([, fault]) =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(fault, fault, Reply.text("Third time lucky."))
      const { outcome, pauses } = yield* withPauses(asked, asked.answer)
      expect(outcome).toMatchObject({ _tag: "Success", value: { text: "Third time lucky." } })
      assert.strictEqual(asked.heard.join(""), "Third time lucky.")
      const [first = 0, second = 0] = pauses
      assert.strictEqual(pauses.length, 2)
      // Half a second, then a second; each a fifth more or less.
      assert.isTrue(first >= 400 && first <= 600 && second >= 800 && second <= 1200, String(pauses))
    })
  )

  it.effect("and goes on failing is given up after three attempts", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.handle(() => Reply.refusal({ status: 500 }))
      const { outcome } = yield* withPauses(asked, failure(asked.answer))
      expect(outcome).toMatchObject({ value: { error: { _tag: "ModelFailed", detail: "The model failed to answer" } } })
      assert.strictEqual(yield* callsOf, 3)
    })
  )

  it.effect("and says when to come back is not asked before", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.rateLimited(7), Reply.text("Now."))
      const answer = yield* Effect.forkChild(asked.answer)
      assert.strictEqual(yield* asked.asleep(isBackoff), 7000)
      yield* asked.pass(6999)
      assert.strictEqual(yield* callsOf, 1)
      yield* asked.pass(1)
      expect(yield* Fiber.join(answer)).toMatchObject({ text: "Now." })
    })
  )

  it.effect("and wants more patience than a turn has is not asked again, and its word is passed on", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.rateLimited(3600))
      expect(yield* failure(asked.answer)).toMatchObject({
        error: { _tag: "ModelUnavailable", retryAfterSeconds: 3600 }
      })
      assert.strictEqual(yield* callsOf, 1)
    })
  )

  it.effect.each([
    ["its quota spent", Reply.insufficientQuota, "The model is unavailable"],
    ["a request it does not understand", Reply.refusal({ status: 400 }), "The model refused the request"],
    ["a key it does not know", Reply.refusal({ status: 401 }), "The model refused the request"],
    ["a thing it may not do", Reply.refusal({ status: 403 }), "The model refused the request"],
    ["a name nobody has", Reply.refusal({ status: 404 }), "The model refused the request"],
    [
      "a place where it is not",
      Reply.refusal({ status: 307, headers: { location: "/v1/chat/completions" } }),
      "The model refused the request"
    ],
    ["a filter for the prompt", Reply.contentFiltered, "The model's answer was blocked by its content filter"],
    [
      "a filter for the answer",
      Reply.text("", { finishReason: "content_filter" }),
      "The model's answer was blocked by its content filter"
    ],
    ["a conversation too long", Reply.contextLengthExceeded, "The conversation does not fit the model's context"],
    [
      "half a tool call at its limit of tokens",
      Reply.toolCalls([{ name: "current_time", arguments: '{"time_zone": "Eur' }], { finishReason: "length" }),
      "The model failed to answer"
    ]
  ] as const)("for %s is not asked again", ([, fault, detail]) =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(fault)
      expect(yield* failure(asked.answer)).toMatchObject({ error: { detail } })
      assert.strictEqual(yield* callsOf, 1)
    })
  )

  it.effect("in the middle of its answer is not asked again", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.text("one two three", { afterChunks: { count: 2, stop: "cut" } }))
      expect(yield* failure(asked.answer)).toMatchObject({ error: { _tag: "ModelUnavailable" } })
      assert.deepStrictEqual(asked.heard, ["one ", "two "])
      assert.strictEqual(yield* callsOf, 1)
      expect(asked.usage).toMatchObject([{ model: "gpt-4o-mini", isEstimated: true }])
    })
  )

  it.effect("to say anything is given up and asked again; if it goes silent later, it is not", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.hang, Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }))
      const answer = yield* Effect.forkChild(failure(asked.answer))
      const silent = yield* asked.stub.nextCall
      yield* asked.asleep((millis) => millis === 30_000)
      yield* asked.pass("30 seconds")
      assert.deepInclude(yield* silent.ended, { by: "client" })
      yield* asked.pass(yield* asked.asleep(isBackoff))
      const speaking = yield* asked.stub.nextCall
      yield* asked.speaks
      // While the text is being passed on nobody counts the silence, so a single half minute may go unnoticed.
      const time = nextTurnOfTheEventLoop.pipe(Effect.andThen(asked.pass("30 seconds")), Effect.forever)
      const given = yield* Effect.raceFirst(Fiber.join(answer), time)
      expect(given).toMatchObject({ error: { _tag: "ModelTimeout" } })
      assert.deepInclude(yield* speaking.ended, { by: "client", chunksSent: 1 })
      assert.deepStrictEqual(asked.heard, ["one "])
      assert.strictEqual(yield* callsOf, 2)
    })
  )

  it.effect("is logged by status and code, never by what was said", () =>
    Effect.gen(function* () {
      const asked = yield* asking({ maxAttempts: 1 })
      yield* asked.stub.enqueue(
        Reply.refusal({ status: 400, code: "invalid", message: `cannot answer "${secret}"` }),
        Reply.text([secret, "x"], { afterChunks: { count: 1, stop: "cut" } })
      )
      const lines = yield* Effect.gen(function* () {
        yield* failure(asked.answer)
        yield* failure(asked.answer)
        return (yield* TestLog.TestLog).lines
      }).pipe(Effect.provide(TestLog.layer))
      assert.strictEqual(lines.length, 2)
      assert.include(lines[0], "model call failed: 400 invalid")
      assert.notInclude(lines.join("\n"), "4711")
      assert.notInclude(lines.join("\n"), "sk-stub")
    })
  )
})
