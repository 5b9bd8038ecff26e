import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, listen, messages, newcomer, say, tokens } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const reused = { detail: "This message_id was already used with other content" }

layer(TestServer.layer, { excludeTestServices: true })("a repeated message", (it) => {
  const scripted = Effect.tap(StubModel, (stub) => stub.reset)

  const callsOf = Effect.map(
    Effect.flatMap(StubModel, (stub) => stub.calls),
    (calls) => calls.length
  )

  it.effect("gets the stored answer, in JSON and as events, and the model is not asked", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      // A cost that no number of decimals holds exactly.
      yield* stub.enqueue(Reply.text("Only once.", { usage: { promptTokens: 11, completionTokens: 7 } }))
      const first = yield* say(person, "Hello", { message_id })
      expect((yield* messages(person))[0]).toMatchObject({ id: message_id })
      const again = yield* say(person, "\n Hello ", { message_id: message_id.toUpperCase() })
      assert.deepStrictEqual([again.status, again.json], [200, first.json])
      const streamed = yield* events(person, "Hello", { message_id })
      assert.deepStrictEqual(
        streamed.map(({ event }) => event),
        ["token", "done"]
      )
      assert.strictEqual(tokens(streamed), "Only once.")
      expect(first.json).toMatchObject({ ...streamed.at(-1)?.data })
      assert.strictEqual(yield* callsOf, 1)
      assert.strictEqual((yield* messages(person)).length, 2)
    })
  )

  it.effect("gets its own answer, also when others came after it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle((_, index) => Reply.text(`answer ${index}`))
      const person = yield* newcomer
      const ids = [randomUUID(), randomUUID(), randomUUID()]
      const first = yield* Effect.forEach(ids, (message_id) => answer(person, "same words", { message_id }))
      const again = yield* Effect.forEach(ids, (message_id) => answer(person, "same words", { message_id }))
      assert.deepStrictEqual(again, first)
    })
  )

  it.effect("was streamed first and is asked for in JSON: the answer is the same", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const streamed = yield* events(person, "Hello", { message_id })
      expect((yield* say(person, "Hello", { message_id })).json).toMatchObject({ ...streamed.at(-1)?.data })
    })
  )

  it.effect("with other content is refused, and so is the id of an answer", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const { message } = yield* answer(person, "Hello", { message_id })
      for (const [content, id] of [
        ["Hello!", message_id],
        ["hello", message_id],
        ["Hello", message.id],
        [message.content, message.id]
      ] as const) {
        const reply = yield* say(person, content, { message_id: id })
        assert.deepStrictEqual([reply.status, reply.json], [409, reused])
        assert.isNull(reply.headers.get("retry-after"))
        const { response } = yield* listen(person, content, { message_id: id })
        assert.strictEqual(response.status, 409)
        assert.deepStrictEqual(yield* Effect.promise(() => response.json()), reused)
      }
      assert.strictEqual(yield* callsOf, 1)
      yield* answer(person, "the session is free", {})
    })
  )

  it.effect("is another message in another session", () =>
    Effect.gen(function* () {
      yield* scripted
      const message_id = randomUUID()
      yield* answer(yield* newcomer, "Hello", { message_id })
      yield* answer(yield* newcomer, "Something else", { message_id })
      assert.strictEqual(yield* callsOf, 2)
    })
  )

  it.effect("gets the stored answer while another turn runs", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const first = yield* answer(person, "Hello", { message_id })
      const gate = yield* Deferred.make<void>()
      yield* stub.enqueue(Reply.text("slow", { beforeHeaders: Deferred.await(gate) }))
      const running = yield* Effect.forkChild(answer(person, "Slowly"))
      yield* stub.nextCall
      yield* stub.nextCall
      assert.deepStrictEqual(yield* answer(person, "Hello", { message_id }), first)
      assert.strictEqual((yield* say(person, "Hello!", { message_id })).status, 409)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(running)).message.content, "slow")
    })
  )

  it.effect("does not keep a new one from being answered", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      yield* answer(person, "Hello", { message_id })
      // Whoever repeats a message may do so while the next one is on its way.
      const replies = yield* Effect.all(
        Array.from({ length: 20 }, (_, index) =>
          index === 10 ? say(person, "Next") : say(person, "Hello", { message_id })
        ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        replies.map(({ status }) => status),
        replies.map(() => 200)
      )
      assert.strictEqual((yield* stub.calls).length, 2)
    })
  )

  it.effect("sent many times at once asks the model once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const gate = yield* Deferred.make<void>()
      yield* stub.handle(() => Reply.text("Only once.", { beforeHeaders: Deferred.await(gate) }))
      const repeats = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 10 }, () => say(person, "Hello", { message_id })),
          { concurrency: "unbounded" }
        )
      )
      yield* stub.nextCall
      yield* Deferred.succeed(gate, undefined)
      const replies = yield* Fiber.join(repeats)
      assert.strictEqual(yield* callsOf, 1)
      const answered = replies.filter(({ status }) => status === 200)
      assert.isNotEmpty(answered)
      for (const reply of replies) {
        if (reply.status === 200) assert.deepStrictEqual(reply.json, answered[0]?.json)
        else {
          assert.deepStrictEqual(reply.json, { detail: "A turn is already running in this session" })
          assert.match(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/u)
        }
      }
      assert.strictEqual((yield* messages(person)).length, 2)
    })
  )

  it.effect("is answered once when its first answer was never heard", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const { events } = yield* listen(person, "Hello", { message_id })
      yield* Stream.runHead(Stream.filter(events, ({ event }) => event === "done"))
      yield* answer(person, "Hello", { message_id })
      assert.strictEqual((yield* stub.calls).length, 1)
    })
  )

  it.effect("counts its usage once", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      const { message } = yield* answer(person, "Hello", { message_id })
      yield* answer(person, "Hello", { message_id })
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`SELECT message_id, estimated FROM usage WHERE session_id = ${person.session_id}`
      assert.deepStrictEqual(rows, [{ message_id: message.id, estimated: false }])
    })
  )
})
