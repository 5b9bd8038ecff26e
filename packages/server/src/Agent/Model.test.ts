import { assert, expect, layer } from "@effect/vitest"
import { HumanMessage } from "@langchain/core/messages"
import { Clock, Deferred, Duration, Effect, Fiber, Redacted, Schema } from "effect"
import * as HeldClock from "../../test/HeldClock.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as TestLog from "../../test/TestLog.ts"
import type { ModelUsage } from "./Agent.ts"
import * as Model from "./Model.ts"
import type { ModelOptions } from "./settings.ts"
import { currentTime } from "./Tools/CurrentTime.ts"

const options: ModelOptions = {
  model: "gpt-4o-mini",
  fallbackModels: [],
  temperature: 0.2,
  maxTokens: 2000,
  maxAttempts: 3,
  attemptTimeout: Duration.seconds(30)
}

const secret = "my secret is 4711"

/** One answer of a model, on a clock that the test holds; what is passed on, and what it took. */
const asking = Effect.fnUntraced(function* (more: Partial<ModelOptions> = {}) {
  const stub = yield* StubModel
  yield* stub.reset
  const held = yield* HeldClock.make
  const heard: Array<string> = []
  const usage: Array<ModelUsage> = []
  const endpoint = { baseUrl: stub.baseUrl, apiKey: Redacted.make("sk-stub"), isOffline: false }
  const model = Model.make(endpoint, [currentTime], { ...options, ...more })
  const answer = model
    .answer([new HumanMessage(secret)], {
      onText: (text) => Effect.sync(() => void heard.push(text)),
      onUsage: (used) => Effect.sync(() => void usage.push(used))
    })
    .pipe(Effect.provideService(Clock.Clock, held.clock))
  return { answer, heard, usage, stub, ...held }
})

const isBackoff = (millis: number) => millis < 30_000

/** Lets each pause between attempts pass when it has begun, and gives their lengths. */
const withPauses = Effect.fnUntraced(function* <A, E>(
  { asleep, pass }: HeldClock.HeldClock,
  answer: Effect.Effect<A, E>
) {
  const pauses: Array<number> = []
  const passing = asleep(isBackoff).pipe(
    Effect.tap((millis) => Effect.sync(() => pauses.push(millis))),
    Effect.flatMap(pass),
    Effect.andThen(Effect.yieldNow),
    Effect.forever
  )
  const outcome = yield* Effect.raceFirst(Effect.exit(answer), passing)
  return { outcome, pauses }
})

const callsOf = Effect.map(
  Effect.flatMap(StubModel, (stub) => stub.calls),
  (calls) => calls.length
)

const failure = <E>(answer: Effect.Effect<unknown, E>) => Effect.flip(answer)

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
      expect(yield* failure(asked.answer)).toMatchObject({ error: { _tag: "ModelUnavailable", retryAfterSeconds: 3600 } })
      assert.strictEqual(yield* callsOf, 1)
    })
  )

  it.effect.each([
    ["its quota spent", Reply.insufficientQuota, "The model is unavailable"],
    ["a request it does not understand", Reply.refusal({ status: 400 }), "The model refused the request"],
    ["a key it does not know", Reply.refusal({ status: 401 }), "The model refused the request"],
    ["a thing it may not do", Reply.refusal({ status: 403 }), "The model refused the request"],
    ["a name nobody has", Reply.refusal({ status: 404 }), "The model refused the request"],
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
      const speaks = yield* Deferred.make<void>()
      yield* asked.stub.enqueue(
        Reply.hang,
        Reply.text("one two", {
          afterChunks: { count: 1, stop: Effect.andThen(Deferred.succeed(speaks, undefined), Effect.never) }
        })
      )
      const answer = yield* Effect.forkChild(failure(asked.answer))
      const silent = yield* asked.stub.nextCall
      yield* asked.asleep((millis) => millis === 30_000)
      yield* asked.pass("30 seconds")
      assert.deepInclude(yield* silent.ended, { by: "client" })
      yield* asked.pass(yield* asked.asleep(isBackoff))
      const speaking = yield* asked.stub.nextCall
      yield* Deferred.await(speaks)
      yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => asked.heard.length > 0 }))
      yield* asked.pass("30 seconds")
      expect(yield* Fiber.join(answer)).toMatchObject({ error: { _tag: "ModelTimeout" } })
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

const modelsAsked = Effect.map(
  Effect.flatMap(StubModel, (stub) => stub.calls),
  (calls) => calls.map(({ request }) => request.model)
)

const decodeBody = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

layer(StubModel.layer)("a model", (it) => {
  it.effect("is replaced by the next when its attempts are used up, for this answer only", () =>
    Effect.gen(function* () {
      const asked = yield* asking({ fallbackModels: ["second", "third"], maxAttempts: 2 })
      yield* asked.stub.handle(({ model }) =>
        model === "third" ? Reply.text("From the third.") : Reply.refusal({ status: model === "second" ? 404 : 500 })
      )
      const { outcome } = yield* withPauses(asked, asked.answer)
      expect(outcome).toMatchObject({ value: { text: "From the third." } })
      assert.deepStrictEqual(yield* modelsAsked, ["gpt-4o-mini", "gpt-4o-mini", "second", "third"])
      assert.deepStrictEqual(
        asked.usage.map(({ model }) => model),
        ["third"]
      )
      yield* asked.stub.reset
      yield* asked.answer
      assert.deepStrictEqual(yield* modelsAsked, ["gpt-4o-mini"])
    })
  )

  it.effect("is not replaced after it has said something, nor for what another would refuse as well", () =>
    Effect.gen(function* () {
      const asked = yield* asking({ fallbackModels: ["second"], maxAttempts: 1 })
      for (const fault of [
        Reply.text("one two", { afterChunks: { count: 1, stop: "cut" } }),
        Reply.contentFiltered,
        Reply.contextLengthExceeded
      ]) {
        yield* asked.stub.reset
        yield* asked.stub.enqueue(fault)
        yield* failure(asked.answer)
        assert.deepStrictEqual(yield* modelsAsked, ["gpt-4o-mini"])
      }
    })
  )

  it.effect("tells why the last one failed when all have", () =>
    Effect.gen(function* () {
      const asked = yield* asking({ fallbackModels: ["second"], maxAttempts: 1 })
      yield* asked.stub.enqueue(Reply.refusal({ status: 500 }), Reply.rateLimited(9))
      expect(yield* failure(asked.answer)).toMatchObject({ error: { _tag: "ModelUnavailable", retryAfterSeconds: 9 } })
    })
  )

  it.effect.each([
    ["gpt-4o-mini", 0.2],
    ["o3-mini", undefined],
    ["gpt-5-mini", undefined]
  ] as const)("%s is sent the temperature %s", ([model, temperature]) =>
    Effect.gen(function* () {
      const asked = yield* asking({ model })
      yield* asked.answer
      const body = yield* decodeBody((yield* asked.stub.nextCall).body)
      assert.strictEqual(body["temperature"], temperature)
      assert.strictEqual(body["max_tokens"] ?? body["max_completion_tokens"], 2000)
      expect(body["tools"]).toMatchObject([{ type: "function", function: { name: "current_time" } }])
    })
  )

  it.effect("is asked once when the caller goes away, and has its connection closed", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.hang)
      const answer = yield* Effect.forkChild(asked.answer)
      const call = yield* asked.stub.nextCall
      yield* Fiber.interrupt(answer)
      assert.deepInclude(yield* call.ended, { by: "client" })
      // What was asked has been read by then.
      expect(asked.usage).toMatchObject([{ outputTokens: 0, isEstimated: true }])
    })
  )

  it.effect("tells what it took, and who really answered", () =>
    Effect.gen(function* () {
      const asked = yield* asking()
      yield* asked.stub.enqueue(Reply.text("Hello", { usage: { promptTokens: 12, completionTokens: 34 } }))
      yield* asked.answer
      assert.deepStrictEqual(asked.usage, [
        { model: "gpt-4o-mini", inputTokens: 12, outputTokens: 34, isEstimated: false }
      ])
    })
  )
})
