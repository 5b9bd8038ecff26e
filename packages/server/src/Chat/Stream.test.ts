import { assert, expect, layer } from "@effect/vitest"
import { Api } from "@parley/domain/Api"
import { SessionId } from "@parley/domain/Sessions"
import { Authorization } from "@parley/domain/Users"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { events, listen, messages, newcomer, type Person, tokens } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

const kinds = (all: ReadonlyArray<{ readonly event: string }>) => all.map(({ event }) => event)

/** The client as others generate or derive it. */
const client = ({ token }: Person) =>
  Effect.flatMap(TestServer, ({ url }) => HttpApiClient.make(Api, { baseUrl: url })).pipe(
    Effect.provide(
      Layer.merge(
        FetchHttpClient.layer,
        HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
          next(HttpClientRequest.bearerToken(request, token))
        )
      )
    )
  )

layer(TestServer.layer, { excludeTestServices: true })("a streamed turn", (it) => {
  it.effect("is an event stream that nothing on the way may store or change", () =>
    Effect.gen(function* () {
      yield* scripted
      const { response, text } = yield* listen(yield* newcomer, "Hello")
      assert.strictEqual(response.status, 200)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no"
      })
      const written = yield* Stream.mkString(text)
      const frame = /^id: [1-9]\d*\nevent: (?:token|done)\ndata: \{.*\}\n\n/u
      let rest = written
      while (frame.test(rest)) rest = rest.replace(frame, "")
      assert.strictEqual(rest, "")
    })
  )

  it.effect("gives the answer as it comes, then, stored, as a whole", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const pieces = ["Line\n", "\r\n\n", '"quoted" \\', " \u2028", "😀", "\ud83d", "\ude00", " <b>&amp;</b>", " end"]
      yield* stub.enqueue(Reply.text(pieces))
      const all = yield* (yield* listen(person, "Hello")).events.pipe(
        // Who hears `done` finds the messages.
        Stream.tap(({ data, event }) =>
          event !== "done"
            ? Effect.void
            : Effect.map(messages(person), (found) => {
                expect(found[1]).toMatchObject({ id: data.message?.id, content: data.message?.content })
              })
        ),
        Stream.runCollect
      )
      const content = pieces.join("")
      assert.strictEqual(tokens(all), content)
      assert.strictEqual(all.at(-1)?.data.message?.content, content)
      assert.deepStrictEqual(kinds(all), [...pieces.slice(1).map(() => "token"), "done"])
      assert.deepStrictEqual(
        all.map(({ id }) => Number(id)),
        all.map((_, index) => index + 1)
      )
    })
  )

  it.effect("tells what tools do, and its tokens are the answer all the same", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(
        Reply.toolCalls([{ name: "current_time", arguments: {} }], { text: "Let me look. " }),
        Reply.toolCalls([{ name: "current_time", arguments: { time_zone: "Middle/Earth" } }]),
        Reply.text("It is late.")
      )
      const all = yield* events(person, "What time is it?")
      assert.deepStrictEqual(
        all.flatMap(({ data, event }) => (event === "tool" ? [data] : [])),
        [
          { name: "current_time", status: "started" },
          { name: "current_time", status: "finished" },
          { name: "current_time", status: "started" },
          { name: "current_time", status: "failed" }
        ]
      )
      assert.strictEqual(tokens(all), "Let me look. It is late.")
      assert.strictEqual(all.at(-1)?.data.message?.content, "Let me look. It is late.")
      assert.strictEqual((yield* messages(person))[1]?.content, "Let me look. It is late.")
    })
  )

  it.effect("that fails before its first event is answered like any other request", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.refusal({ status: 400 }))
      for (const [asker, content, status, detail] of [
        [person, "Hello", 502, "The model refused the request"],
        [person, " ", 422, "Validation error"],
        [{ ...person, session_id: (yield* newcomer).session_id }, "Hello", 404, "Session not found"],
        [{ ...person, token: "nobody's" }, "Hello", 401, "Invalid or expired token"]
      ] as const) {
        const { response } = yield* listen(asker, content)
        assert.deepStrictEqual([response.status, response.headers.get("content-type")], [status, "application/json"])
        assert.deepInclude(yield* Effect.promise(() => response.json()), { detail })
      }
    })
  )

  it.effect("that fails later ends with an error event, and is not tried again", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("one two three", { afterChunks: { count: 2, stop: "cut" } }))
      const all = yield* events(person, "Hello")
      assert.deepStrictEqual(kinds(all), ["token", "token", "error"])
      assert.deepStrictEqual(all[2]?.data, { detail: "The model is unavailable", status: 503 })
      assert.strictEqual((yield* stub.calls).length, 1)
      assert.deepStrictEqual(yield* messages(person), [])
    })
  )

  it.effect("is read by the client that comes with the contract", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(
        Reply.toolCalls([{ name: "current_time", arguments: {} }], { usage: { completionTokens: 3 } }),
        Reply.text(["a\nb", "\u2028"], { usage: { completionTokens: 2 } })
      )
      const { chat } = yield* client(person)
      const session_id = SessionId.make(person.session_id)
      const all = yield* Stream.runCollect(yield* chat.stream({ payload: { session_id, content: "Hello" } }))
      expect(all).toMatchObject([
        { event: "tool", data: { name: "current_time", status: "started" } },
        { event: "tool", data: { name: "current_time", status: "finished" } },
        { event: "token", data: { content: "a\nb" } },
        { event: "token", data: { content: "\u2028" } },
        { event: "done", data: { message: { role: "assistant", content: "a\nb\u2028" }, usage: { output_tokens: 5 } } }
      ])
      yield* stub.enqueue(Reply.refusal({ status: 401 }))
      const error = yield* Effect.flip(chat.stream({ payload: { session_id, content: "Hello" } }))
      expect(error).toMatchObject({ _tag: "ModelFailed", detail: "The model refused the request" })
    })
  )

  it.effect("is one of two hundred at once, and all are answered", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const server = yield* TestServer
      const token = yield* server.register
      const gate = yield* Deferred.make<void>()
      const answerTo = (content: unknown) => `to ${String(content)} : ${"word ".repeat(20)}`
      yield* stub.handle(({ messages }) =>
        Reply.text(answerTo(messages.at(-1)?.content), { afterChunks: { count: 2, stop: Deferred.await(gate) } })
      )
      const indices = Array.from({ length: 200 }, (_, index) => index)
      const streams = yield* Effect.forEach(
        indices,
        Effect.fnUntraced(function* (index) {
          const session_id = yield* server.openSession(token)
          return yield* events({ token, session_id }, `number ${index}`)
        }),
        { concurrency: "unbounded" }
      ).pipe(Effect.forkChild)
      for (const _ of indices) yield* stub.nextCall
      assert.strictEqual((yield* stub.stats).open, 200)
      yield* Deferred.succeed(gate, undefined)
      for (const [index, heard] of (yield* Fiber.join(streams)).entries()) {
        assert.strictEqual(tokens(heard), answerTo(`number ${index}`))
        assert.strictEqual(heard.at(-1)?.data.message?.content, answerTo(`number ${index}`))
      }
    })
  )
})
