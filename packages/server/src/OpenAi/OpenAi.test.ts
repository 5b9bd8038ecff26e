/** What speaks OpenAI's API, pointed at Parley: with the client that OpenAI makes. */
import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { chunksOf, complete, hello, newcomer, settings, usage } from "../../test/TestOpenAi.ts"
import { TestServer } from "../../test/TestServer.ts"

/** Until what is told after the answer, or of a client that has gone, is there. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>, isThere: (value: A) => boolean) =>
  effect.pipe(
    Effect.flatMap((value) => (isThere(value) ? Effect.succeed(value) : Effect.fail("not yet"))),
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: 200 })))
  )

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("a client made for OpenAI", (it) => {
  it.effect("lists the models that can be asked", () =>
    Effect.gen(function* () {
      const { client } = yield* newcomer
      const { data } = yield* Effect.promise(() => client.models.list())
      assert.deepStrictEqual(
        data.map(({ id, object, owned_by }) => [id, object, owned_by]),
        ["gpt-4o-mini", "gpt-4o", "o3-mini"].map((id) => [id, "model", "parley"])
      )
    })
  )

  it.effect("gets an answer, to all of the conversation that it sends", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("It is noon.", { usage: { promptTokens: 40, completionTokens: 5 } }))
      const completion = yield* complete(person, {
        model: "gpt-4o-mini",
        messages: [
          { role: "system", content: "Speak like a pirate." },
          { role: "developer", content: "And briefly." },
          { role: "assistant", content: "Ahoy!" },
          {
            role: "user",
            content: [
              { type: "text", text: "What" },
              { type: "text", text: "time?" }
            ]
          },
          { role: "system", content: "In French." },
          { role: "user", content: "Please.\u0000\ud800" }
        ],
        temperature: 1.5,
        max_completion_tokens: 50,
        stop: "END",
        user: "somebody",
        seed: 7
      })
      expect(completion).toMatchObject({
        object: "chat.completion",
        model: "gpt-4o-mini",
        choices: [{ index: 0, message: { role: "assistant", content: "It is noon." }, finish_reason: "stop" }],
        usage: { prompt_tokens: 40, completion_tokens: 5, total_tokens: 45 }
      })
      assert.match(completion.id, /^chatcmpl-[0-9a-f-]{36}$/u)
      const { body, request } = yield* stub.nextCall
      const [first, ...rest] = request.messages
      assert.match(String(first?.content), /^You are Parley,[^]*\n\nSpeak like a pirate\.\n\nAnd briefly\.$/u)
      assert.deepStrictEqual(
        rest.map(({ content, role }) => [role, content]),
        [
          ["assistant", "Ahoy!"],
          ["user", "What\ntime?"],
          ["system", "In French."],
          ["user", "Please.\ufffd"]
        ]
      )
      assert.deepInclude(request, { temperature: 1.5, max_tokens: 50 })
      assert.deepInclude(JSON.parse(body), { stop: ["END"] })
      expect(yield* usage(person)).toMatchObject({
        turns: 1,
        input_tokens: 40,
        output_tokens: 5,
        models: [{ calls: 1 }]
      })
    })
  )

  it.effect("hears a stream, chunk by chunk, with what it took if it asks for that", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      for (const include_usage of [true, false]) {
        yield* stub.enqueue(
          Reply.toolCalls([{ name: "current_time", arguments: {} }], {
            usage: { promptTokens: 9, completionTokens: 1 }
          }),
          Reply.text("It is noon.", { usage: { promptTokens: 40, completionTokens: 5 } })
        )
        const chunks = yield* Effect.promise(() => chunksOf(person, { ...hello, stream_options: { include_usage } }))
        assert.strictEqual(new Set(chunks.map(({ id }) => id)).size, 1)
        assert.deepStrictEqual(
          chunks.map(({ choices: [choice] }) => [choice?.delta, choice?.finish_reason]),
          [
            [{ role: "assistant", content: "" }, null],
            ...["It ", "is ", "noon."].map((content) => [{ content }, null]),
            [{}, "stop"],
            ...(include_usage ? [[undefined, undefined]] : [])
          ]
        )
        const told = chunks.map((chunk) => chunk.usage)
        const sum = { prompt_tokens: 49, completion_tokens: 6, total_tokens: 55 }
        assert.deepStrictEqual(
          told,
          include_usage ? [...Array.from({ length: 5 }, () => null), sum] : Array.from({ length: 5 }, () => undefined)
        )
      }
    })
  )

  it.effect("is given the bytes that it expects", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const server = yield* TestServer
      const { token } = yield* newcomer
      yield* stub.enqueue(Reply.text("Hi"))
      const reply = yield* server.ask("POST", "/v1/chat/completions", { token, body: { ...hello, stream: true } })
      assert.strictEqual(reply.headers.get("content-type"), "text/event-stream")
      assert.match(reply.headers.get("ratelimit") ?? "", /^"chat-stream";/u)
      const frames = reply.text.split("\n\n")
      assert.deepStrictEqual(frames.slice(-2), ["data: [DONE]", ""])
      for (const frame of frames.slice(0, -2)) assert.match(frame, /^data: \{"id":"chatcmpl-[^\n]+\}$/u)
    })
  )

  it.effect("asks the model it names, and those after it when that is not to be had", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.reset
      yield* stub.enqueue(Reply.refusal({ status: 503 }), Reply.text("Here."))
      const { model } = yield* complete(person, { ...hello, model: "gpt-4o", temperature: 1 })
      assert.strictEqual(model, "o3-mini")
      const asked = (yield* stub.calls).map(({ request }) => [request.model, request.temperature])
      assert.deepStrictEqual(asked, [
        ["gpt-4o", 1],
        ["o3-mini", undefined]
      ])
    })
  )

  it.effect("leaves nothing of what was said in the database", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const person = yield* newcomer
      const server = yield* TestServer
      yield* complete(person)
      const sessions = yield* server.ask("GET", "/v1/chat/sessions", { token: person.token })
      expect(sessions.json).toMatchObject({ items: [] })
      const [row] =
        yield* sql`SELECT (SELECT count(*) FROM checkpoints)::int + (SELECT count(*) FROM messages)::int AS n`
      assert.deepStrictEqual(row, { n: 0 })
    })
  )

  it.effect("that goes ends the call of the model at once, and what it took is accounted as an estimate", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      const sql = yield* SqlClient.SqlClient
      yield* stub.reset
      for (const stream of [true, false]) {
        yield* stub.enqueue(Reply.text("one two three", { afterChunks: { count: 2, stop: "hang" } }))
        const controller = new AbortController()
        const heard = yield* Deferred.make<void>()
        const listening = yield* Effect.forkChild(
          Effect.promise(() =>
            person.client.chat.completions
              .create({ ...hello, stream }, { signal: controller.signal })
              .then(async (answer) => {
                if (!(Symbol.asyncIterator in answer)) return
                for await (const chunk of answer) {
                  if (chunk.choices[0]?.delta.content === "two ") Deferred.doneUnsafe(heard, Effect.void)
                }
              })
              .catch(() => undefined)
          )
        )
        const call = yield* stub.nextCall
        if (stream) yield* Deferred.await(heard)
        controller.abort()
        yield* Fiber.join(listening)
        assert.strictEqual((yield* call.ended).by, "client")
      }
      const rows = yield* eventually(
        sql<{ estimated: boolean; message_id: string | null }>`SELECT u.estimated, u.message_id FROM usage u
          WHERE u.created_at > now() - interval '1 minute' AND u.estimated`,
        (rows) => rows.length === 2
      )
      assert.deepStrictEqual(
        rows.map(({ estimated, message_id }) => [estimated, message_id]),
        [
          [true, null],
          [true, null]
        ]
      )
      expect(yield* usage(person)).toMatchObject({ turns: 0 })
    })
  )
})
