import { assert, expect, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, listen, messages, newcomer, type Person, say, transcript } from "../../test/TestChat.ts"
import { TestLog } from "../../test/TestLog.ts"
import { modelKey, TestServer } from "../../test/TestServer.ts"
import * as Tool from "../Agent/Tools/Tool.ts"
import { Tools } from "../Agent/Tools/Tools.ts"

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

/** Neither messages nor memory nor a lease; the next turn works and knows nothing of the one before. */
const leftNothing = Effect.fnUntraced(function* (person: Person) {
  const stub = yield* StubModel
  const sql = yield* SqlClient.SqlClient
  const { session_id } = person
  assert.deepStrictEqual(yield* messages(person), [])
  assert.deepStrictEqual(
    yield* sql`SELECT (SELECT count(*)::integer FROM checkpoints WHERE thread_id = ${session_id}) AS checkpoints,
      (SELECT count(*)::integer FROM checkpoint_blobs WHERE thread_id = ${session_id}) AS blobs,
      (SELECT count(*)::integer FROM checkpoint_writes WHERE thread_id = ${session_id}) AS writes,
      name, lease_token FROM sessions WHERE session_id = ${session_id}`,
    [{ checkpoints: 0, blobs: 0, writes: 0, name: "", lease_token: null }]
  )
  yield* stub.reset
  yield* answer(person, "next")
  const { request } = yield* stub.nextCall
  expect(request.messages.slice(1)).toMatchObject([{ role: "user", content: "next" }])
})

const once = { LLM_MAX_ATTEMPTS: "1" }

layer(TestServer.layerWith({ settings: once }), { excludeTestServices: true })("a turn whose model fails", (it) => {
  it.effect.each([
    ["a rate limit", Reply.rateLimited(7), 503, "The model is unavailable", "7"],
    ["a spent quota", Reply.insufficientQuota, 503, "The model is unavailable", "30"],
    ["an overloaded provider", Reply.refusal({ status: 503 }), 503, "The model is unavailable", "30"],
    ["a broken provider", Reply.refusal({ status: 500 }), 502, "The model failed to answer", null],
    ["a provider's time-out", Reply.refusal({ status: 504 }), 504, "The model did not answer in time", null],
    ["a refused request", Reply.refusal({ status: 400 }), 502, "The model refused the request", null],
    ["a wrong key", Reply.refusal({ status: 401 }), 502, "The model refused the request", null],
    ["an unknown model", Reply.refusal({ status: 404 }), 502, "The model refused the request", null],
    ["a filter", Reply.contentFiltered, 502, "The model's answer was blocked by its content filter", null],
    [
      "a filter in mid-answer",
      Reply.text("I hate", { finishReason: "content_filter" }),
      502,
      "The model's answer was blocked by its content filter",
      null
    ],
    ["an empty answer", Reply.text(""), 502, "The model failed to answer", null],
    [
      "a cut connection",
      Reply.text("one two", { afterChunks: { count: 1, stop: "cut" } }),
      503,
      "The model is unavailable",
      "30"
    ]
  ] as const)("by %s says so and leaves nothing behind", ([, fault, status, detail, retryAfter]) =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(fault)
      const reply = yield* say(person, "Hello")
      assert.deepStrictEqual([reply.status, reply.json], [status, { detail }])
      assert.strictEqual(reply.headers.get("retry-after"), retryAfter)
      assert.strictEqual((yield* stub.calls).length, 1)
      yield* leftNothing(person)
    })
  )

  it.effect("tells neither client nor log what was said, nor the key", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const secret = "the treasure is at 52.5163, 13.3777"
      yield* stub.enqueue(
        Reply.refusal({ status: 400, message: `I will not talk of "${secret}"; your key was ${modelKey}` }),
        Reply.text([secret, "more"], { afterChunks: { count: 1, stop: "cut" } })
      )
      const replies = [(yield* say(person, secret)).text, (yield* say(person, secret)).text]
      yield* answer(person, secret)
      const { lines } = yield* TestLog
      assert.isNotEmpty(lines)
      for (const text of [...replies, ...lines]) assert.notMatch(text, /treasure|52\.5163|key was|Bearer|sk-/u)
    })
  )

  it.effect("because it is shown too much is tried once more, with less", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      // Exchanges of some 9000 estimated tokens, of a context of 32000: two of them fit it, one fits half of it.
      const long = "word ".repeat(5400)
      for (const content of [`1 ${long}`, `2 ${long}`]) yield* answer(person, content)
      yield* stub.reset
      yield* stub.enqueue(Reply.contextLengthExceeded, Reply.text("Short, then."))
      yield* answer(person, "3")
      yield* answer(person, "4")
      const shown = (yield* stub.calls).map(({ request }) =>
        request.messages.flatMap(({ content, role }) => (role === "user" ? [String(content).slice(0, 1)] : []))
      )
      assert.deepStrictEqual(shown, [
        ["1", "2", "3"],
        ["2", "3"],
        ["2", "3", "4"]
      ])
      // What is forgotten by the agent is still there to be read.
      assert.strictEqual((yield* transcript(person)).length, 8)
    })
  )

  it.effect("because one message alone is too much fails", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.handle(() => Reply.contextLengthExceeded)
      const reply = yield* say(person, "Hello")
      assert.deepStrictEqual(
        [reply.status, reply.json],
        [502, { detail: "The conversation does not fit the model's context" }]
      )
      // There is nothing to leave out, so the same is not asked again.
      assert.strictEqual((yield* stub.calls).length, 1)
      yield* leftNothing(person)
    })
  )

  it.effect("by never coming to an end is stopped after twelve calls", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.handle(() => Reply.toolCalls([{ name: "current_time", arguments: {} }]))
      const reply = yield* say(person, "Hello")
      assert.deepStrictEqual([reply.status, reply.json], [502, { detail: "The agent took too many steps" }])
      assert.strictEqual((yield* stub.calls).length, 12)
      const sql = yield* SqlClient.SqlClient
      const spent = yield* sql`SELECT FROM usage WHERE session_id = ${person.session_id}`
      assert.strictEqual(spent.length, 12)
      yield* leftNothing(person)
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a turn whose model stumbles", (it) => {
  it.effect("is answered all the same, once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("", { beforeHeaders: "cut" }), Reply.text("There you are."))
      const all = yield* events(person, "Hello")
      assert.deepStrictEqual(
        all.map(({ event }) => event),
        ["token", "token", "token", "done"]
      )
      assert.strictEqual((yield* stub.calls).length, 2)
      assert.strictEqual((yield* messages(person)).length, 2)
    })
  )
})

layer(TestServer.layerWith({ settings: { LLM_CONTEXT_TOKENS: "2000" } }), { excludeTestServices: true })(
  "a turn whose message alone is longer than what the model may be shown",
  (it) => {
    it.effect("is refused as such, streamed or not, and asks nobody", () =>
      Effect.gen(function* () {
        const stub = yield* scripted
        const person = yield* newcomer
        const content = "word ".repeat(1200)
        const json = yield* say(person, content)
        const { response } = yield* listen(person, content)
        const streamed = { status: response.status, json: yield* Effect.promise(() => response.json()) }
        const message = "Is too long for the model: at most 2000 tokens of about three characters"
        for (const reply of [json, streamed]) {
          assert.deepStrictEqual(
            [reply.status, reply.json],
            [422, { detail: "Validation error", errors: [{ field: "content", message }] }]
          )
        }
        assert.deepStrictEqual(yield* stub.calls, [])
        yield* leftNothing(person)
      })
    )
  }
)

const impatient = { LLM_TOTAL_TIMEOUT: "300 millis", LLM_ATTEMPT_TIMEOUT: "10 seconds" }

const idling = Tool.make({
  name: "idling",
  description: "Never ends",
  input: Schema.Struct({}),
  execute: () => Effect.never
})

layer(TestServer.layerWith({ settings: impatient, tools: Layer.succeed(Tools, [idling]) }), {
  excludeTestServices: true
})("a turn that takes too long", (it) => {
  it.effect("ends with a 504, and its model with it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.hang)
      const reply = yield* say(person, "Hello")
      assert.deepStrictEqual([reply.status, reply.json], [504, { detail: "The model did not answer in time" }])
      assert.deepInclude(yield* (yield* stub.nextCall).ended, { by: "client" })
      yield* leftNothing(person)
    })
  )

  it.effect("because of a tool ends with a 504 too", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.toolCalls([{ name: "idling", arguments: {} }]))
      const reply = yield* say(person, "Hello")
      assert.deepStrictEqual([reply.status, reply.json], [504, { detail: "The model did not answer in time" }])
      assert.strictEqual((yield* stub.calls).length, 1)
      yield* leftNothing(person)
    })
  )

  it.effect("between two tokens ends with an error event", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }))
      const all = yield* events(person, "Hello")
      assert.deepStrictEqual(
        all.map(({ data, event }) => [event, data.status]),
        [
          ["token", undefined],
          ["error", 504]
        ]
      )
      yield* leftNothing(person)
    })
  )
})
