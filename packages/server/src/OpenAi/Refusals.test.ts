/** What a client made for OpenAI is told when it cannot have what it asks for: by its own kinds of errors. */
import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from "openai"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { chunksOf, clientOf, complete, failed, hello, newcomer, settings } from "../../test/TestOpenAi.ts"
import { TestServer } from "../../test/TestServer.ts"
import { maxAtOnce } from "../Chat/Completions.ts"

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("a client made for OpenAI is told", (it) => {
  it.effect("who it is not, and what is not there", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const { client } = yield* newcomer
      for (const call of [
        () => clientOf(url, "sk-of-somebody-else").chat.completions.create(hello),
        () => clientOf(url, "sk-of-somebody-else").models.list()
      ]) {
        const error = yield* failed(call)
        assert.instanceOf(error, AuthenticationError)
        assert.deepStrictEqual([error.status, error.code], [401, "invalid_api_key"])
      }
      const error = yield* failed(() => client.chat.completions.create({ ...hello, model: "gpt-2" }))
      assert.instanceOf(error, NotFoundError)
      assert.deepStrictEqual([error.code, error.param], ["model_not_found", "model"])
      assert.include(error.message, "/v1/models")
    })
  )

  it.effect.each([
    ["tools", { tools: [{ type: "function", function: { name: "f" } }] }, "tools"],
    ["two answers", { n: 2 }, "n"],
    ["a schema", { response_format: { type: "json_schema", json_schema: { name: "s" } } }, "response_format"],
    ["audio", { modalities: ["audio"], audio: { voice: "v", format: "mp3" } }, "modalities[0]"],
    [
      "an image",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] }] },
      "messages[0].content[0].type"
    ],
    ["the answer of a tool", { messages: [{ role: "tool", content: "42", tool_call_id: "1" }] }, "messages[0].role"],
    ["probabilities", { logprobs: true }, "logprobs"],
    ["no messages", { messages: [] }, "messages"],
    ["no content", { messages: [{ role: "user" }] }, "messages[0].content"],
    ["a heat", { temperature: 2.1 }, "temperature"],
    ["five ends", { stop: ["a", "b", "c", "d", "e"] }, "stop"],
    ["no token", { max_tokens: 0 }, "max_tokens"]
  ] as const)("that it cannot have %s", ([, more, param]) =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const stub = yield* StubModel
      const { token } = yield* newcomer
      yield* stub.reset
      const reply = yield* server.ask("POST", "/v1/chat/completions", { token, body: { ...hello, ...more } })
      assert.strictEqual(reply.status, 400, reply.text)
      expect(reply.json).toMatchObject({ error: { type: "invalid_request_error", code: null, param } })
      assert.notInclude(reply.text, "Expected")
      assert.isEmpty(yield* stub.calls)
    })
  )

  it.effect("a megabyte of wrong messages at the first of them", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { token } = yield* newcomer
      const body = { ...hello, messages: Array.from({ length: 300_000 }, () => ({})) }
      const reply = yield* server.ask("POST", "/v1/chat/completions", { token, body })
      expect([reply.status, reply.json]).toMatchObject([
        400,
        { error: { message: "messages[0].role: Field is required", param: "messages[0].role" } }
      ])
    })
  )

  it.effect("nothing of what it sends though it has no meaning here", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { token } = yield* newcomer
      const body = {
        ...hello,
        messages: [{ role: "user", content: "Hello", name: "ada", tool_calls: [], cache_control: {} }],
        n: 1,
        tools: [],
        tool_choice: "auto",
        response_format: { type: "text" },
        modalities: ["text"],
        logprobs: false,
        stop: null,
        stream: null,
        top_p: 0.5,
        metadata: { a: "b" },
        store: true,
        parallel_tool_calls: true,
        reasoning_effort: "low"
      }
      const reply = yield* server.ask("POST", "/v1/chat/completions", { token, body })
      assert.strictEqual(reply.status, 200, reply.text)
    })
  )

  it.effect("what could not be read", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { token } = yield* newcomer
      for (const [status, ask] of [
        [400, { body: "{" }],
        [400, { body: "[]" }],
        [413, { body: JSON.stringify({ ...hello, user: "x".repeat(1_048_577) }) }],
        [415, { body: JSON.stringify(hello), headers: { "content-type": "text/plain" } }]
      ] as const) {
        const reply = yield* server.ask("POST", "/v1/chat/completions", { token, ...ask })
        assert.strictEqual(reply.status, status, reply.text)
        expect(reply.json).toMatchObject({ error: { type: "invalid_request_error", param: null } })
      }
    })
  )

  it.effect("that the conversation is too long, before the model is asked and after", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const { client } = yield* newcomer
      yield* stub.reset
      const messages = Array.from({ length: 300 }, () => ({ role: "user" as const, content: "" }))
      const long = yield* failed(() => client.chat.completions.create({ ...hello, messages }))
      assert.isEmpty(yield* stub.calls)
      yield* stub.enqueue(Reply.contextLengthExceeded)
      const longer = yield* failed(() => client.chat.completions.create({ ...hello, messages: messages.slice(0, 2) }))
      assert.lengthOf(yield* stub.calls, 1)
      for (const error of [long, longer]) {
        assert.instanceOf(error, BadRequestError)
        assert.strictEqual(error.code, "context_length_exceeded")
      }
    })
  )

  it.effect("how the model failed", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      for (const [reply, status, code] of [
        [Reply.contentFiltered, 400, "content_filter"],
        [Reply.refusal({ status: 400 }), 502, "model_failed"],
        [Reply.insufficientQuota, 503, "model_unavailable"]
      ] as const) {
        yield* stub.handle(() => reply)
        const error = yield* failed(() => person.client.chat.completions.create(hello))
        assert.deepStrictEqual([error.status, error.code], [status, code])
      }
      yield* stub.handle(() => Reply.text("one two three", { afterChunks: { count: 2, stop: "cut" } }))
      const error = yield* failed(() => chunksOf(person, hello))
      yield* stub.reset
      assert.strictEqual(error.code, "model_unavailable")
    })
  )

  it.effect(`that it asks too much at once: more than ${maxAtOnce}`, () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      const gate = yield* Deferred.make<void>()
      yield* stub.reset
      const slow = Reply.text("At last.", { beforeHeaders: Deferred.await(gate) })
      yield* stub.enqueue(...Array.from({ length: maxAtOnce }, () => slow))
      const running = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: maxAtOnce }, () => complete(person)),
          { concurrency: "unbounded" }
        )
      )
      for (let index = 0; index < maxAtOnce; index++) yield* stub.nextCall
      const error = yield* failed(() => person.client.chat.completions.create(hello))
      assert.instanceOf(error, RateLimitError)
      assert.deepStrictEqual([error.code, error.headers?.get("retry-after")], ["rate_limit_exceeded", "1"])
      // Others are not held up.
      yield* complete(yield* newcomer)
      yield* Deferred.succeed(gate, undefined)
      assert.lengthOf(yield* Fiber.join(running), maxAtOnce)
      yield* complete(person)
    })
  )

  it.effect("that the month's budget is spent", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("Dear.", { usage: { promptTokens: 99_000_000 } }))
      yield* complete(person)
      yield* stub.reset
      for (const stream of [true, false]) {
        const error = yield* failed(() => person.client.chat.completions.create({ ...hello, stream }))
        assert.instanceOf(error, RateLimitError)
        assert.deepStrictEqual([error.code, error.type], ["insufficient_quota", "insufficient_quota"])
        assert.isAbove(Number(error.headers?.get("retry-after")), 0)
      }
      assert.isEmpty(yield* stub.calls)
    })
  )
})

const limits = { RATE_LIMIT_CHAT: "2 per hour", RATE_LIMIT_CHAT_STREAM: "1 per hour" }

layer(TestServer.layerWith({ settings: limits }), { excludeTestServices: true })("the limits of turns", (it) => {
  it.effect("are those of completions: streamed ones count as streams", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { client, token } = yield* newcomer
      const session_id = yield* server.openSession(token)
      yield* server.ask("POST", "/v1/chat", { token, body: { session_id, content: "Hello" } })
      yield* complete({ client, token })
      const error = yield* failed(() => client.chat.completions.create(hello))
      assert.instanceOf(error, RateLimitError)
      assert.deepStrictEqual([error.code, error.type], ["rate_limit_exceeded", "requests"])
      assert.isAbove(Number(error.headers?.get("retry-after")), 0)
      const stream = () => chunksOf({ client, token }, hello)
      assert.isNotEmpty(yield* Effect.promise(stream))
      assert.instanceOf(yield* failed(stream), RateLimitError)
    })
  )
})
