import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, newcomer, say, tokens, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const broken = { name: "current_time", arguments: '{"time_zone": ' }

const unavailable = ["The model is unavailable", 503] as const
const failed = ["The model failed to answer", 502] as const
const late = ["The model did not answer in time", 504] as const

/** What the model does to whoever names it, and how that ends. */
const faults: Readonly<Record<string, readonly [Reply.Reply, detail: string, status: number]>> = {
  "a rate limit": [Reply.rateLimited(), ...unavailable],
  "a failure": [Reply.refusal({ status: 500 }), ...failed],
  "a reset": [Reply.text("", { beforeHeaders: "cut" }), ...unavailable],
  silence: [Reply.hang, ...late],
  "half an answer and a reset": [Reply.text("one two", { afterChunks: { count: 1, stop: "cut" } }), ...unavailable],
  "half an answer and silence": [Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }), ...late],
  "a malformed tool call for ever": [Reply.toolCalls([broken]), "The agent took too many steps", 502]
}

/** Those after an event has been heard, with the text that was heard. */
const begun = [
  ["half an answer and a reset", "one "],
  ["half an answer and silence", "one "],
  ["a malformed tool call for ever", ""]
] as const

const expected = (content: string) => faults[content]?.slice(1) ?? []

/** Silence lasts until everybody else is done. */
const settings = { LLM_MAX_ATTEMPTS: "1", LLM_ATTEMPT_TIMEOUT: "5 seconds" }

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("while the model fails some people", (it) => {
  it.effect("others are answered, and each of them is told what it was, in JSON and as the last event", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.handle(({ messages }) => {
        const said = messages.findLast(({ role }) => role === "user")?.content
        return faults[String(said)]?.[0] ?? Reply.text("I am well.")
      })
      const named = Object.keys(faults)
      const suffering = yield* Effect.replicateEffect(newcomer, named.length)
      const healthy = yield* Effect.replicateEffect(newcomer, 5)

      const replies = yield* Effect.forEach(suffering, (person, index) => say(person, named[index] ?? ""), {
        concurrency: "unbounded"
      }).pipe(Effect.forkChild)
      const streams = yield* Effect.forEach(begun, ([fault]) => Effect.flatMap(newcomer, (one) => events(one, fault)), {
        concurrency: "unbounded"
      }).pipe(Effect.forkChild)
      for (let call = 0; call < named.length + begun.length; call++) yield* stub.nextCall
      yield* Effect.forEach(
        healthy,
        Effect.fnUntraced(function* (person) {
          assert.strictEqual((yield* answer(person, "How are you?")).message.content, "I am well.")
          assert.strictEqual(tokens(yield* events(person, "And now?")), "I am well.")
        }),
        { concurrency: "unbounded" }
      )
      // Some are still waiting for the model.
      assert.deepStrictEqual([replies.pollUnsafe(), streams.pollUnsafe()], [undefined, undefined])

      for (const [index, { json, status }] of (yield* Fiber.join(replies)).entries()) {
        const [detail, expectedStatus] = expected(named[index] ?? "")
        assert.deepStrictEqual([json, status], [{ detail }, expectedStatus], named[index])
      }
      for (const [index, heard] of (yield* Fiber.join(streams)).entries()) {
        const [fault, text] = begun[index] ?? assert.fail()
        const last = heard.at(-1)
        assert.deepStrictEqual([last?.event, last?.data.detail, last?.data.status], ["error", ...expected(fault)])
        // What was passed on was not tried again.
        assert.strictEqual(tokens(heard), text)
      }
      for (const person of healthy) assert.strictEqual((yield* transcript(person)).length, 4)
      for (const person of suffering) {
        assert.deepStrictEqual(yield* transcript(person), [])
        yield* answer(person, "Better?")
      }
    })
  )
})
