import { assert, expect, layer } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { asking, failure, withPauses } from "../../test/AskedModel.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"

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

  it.effect("that is left alone is replaced without being asked", () =>
    Effect.gen(function* () {
      const asked = yield* asking({ fallbackModels: ["second"], maxAttempts: 1 })
      yield* asked.stub.handle(({ model }) =>
        model === "second" ? Reply.text("Here.") : Reply.refusal({ status: 500 })
      )
      for (let answer = 0; answer < 20; answer++) yield* asked.answer
      assert.strictEqual((yield* modelsAsked).length, 40)
      yield* asked.answer
      assert.deepStrictEqual((yield* modelsAsked).slice(40), ["second"])
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
        {
          model: "gpt-4o-mini",
          requestedModel: "gpt-4o-mini",
          inputTokens: 12,
          outputTokens: 34,
          isEstimated: false,
          purpose: "answer",
          isInVain: false
        }
      ])
    })
  )
})
