/** Where an answer ends: at the model's own end, at one that the caller has set, or at the server's. */
import { assert, expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { complete, hello, newcomer, settings, usage } from "../../test/TestOpenAi.ts"
import { TestServer } from "../../test/TestServer.ts"

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("a client made for OpenAI", (it) => {
  it.effect("may not take more than the server allows, and is told when an answer was cut", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      yield* stub.enqueue(Reply.text("It is", { finishReason: "length" }))
      const { choices } = yield* complete(person, { ...hello, max_tokens: 100_000 })
      assert.strictEqual(choices[0]?.finish_reason, "length")
      assert.strictEqual((yield* stub.nextCall).request.max_tokens, 100)
    })
  )

  it.effect.each([
    ["its own stop comes first", { stop: "It" }, "stop"],
    ["it takes too few tokens for a word", { max_completion_tokens: 1 }, "length"]
  ] as const)("gets an empty answer, for one call, when %s", ([_, limits, finishReason]) =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      yield* stub.enqueue(Reply.text("", { finishReason, usage: { promptTokens: 9, completionTokens: 0 } }))
      const { choices } = yield* complete(person, { ...hello, ...limits })
      expect(choices).toMatchObject([{ message: { content: "" }, finish_reason: finishReason }])
      expect(yield* usage(person)).toMatchObject({ turns: 1, models: [{ calls: 1 }] })
    })
  )

  it.effect("that wants next to nothing, again and again, shuts the model off for nobody", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      yield* stub.handle(() => Reply.text("", { finishReason: "length" }))
      for (let asked = 0; asked < 20; asked++) yield* complete(person, { ...hello, max_tokens: 1 })
      yield* stub.handle(() => Reply.text("Here."))
      yield* complete(yield* newcomer)
      const models = (yield* stub.calls).map(({ request }) => request.model)
      yield* stub.reset
      assert.deepStrictEqual(
        models,
        Array.from({ length: 21 }, () => "gpt-4o-mini")
      )
    })
  )

  it.effect("gets what there was, for one call, when it takes too few tokens for the call of a tool", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      const cut = [{ name: "current_time", arguments: '{"zone"' }]
      yield* stub.enqueue(Reply.toolCalls(cut, { text: "I look", finishReason: "length" }))
      const { choices } = yield* complete(person, { ...hello, max_tokens: 5 })
      expect(choices).toMatchObject([{ message: { content: "I look" }, finish_reason: "length" }])
      assert.lengthOf(yield* stub.calls, 1)
    })
  )

  it.effect.each([
    ["the end was not its own", { max_tokens: 50, stop: "" }, "stop"],
    ["it was cut at the server's most tokens", { stop: "END" }, "length"]
  ] as const)("gets another model's answer in the place of an empty one when %s", ([_, limits, finishReason]) =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      yield* stub.enqueue(Reply.text("", { finishReason }), Reply.text("Here."))
      const { choices } = yield* complete(person, { ...hello, ...limits })
      assert.strictEqual(choices[0]?.message.content, "Here.")
    })
  )
})
