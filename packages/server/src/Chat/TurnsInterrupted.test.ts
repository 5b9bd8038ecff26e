import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, listen, newcomer, type Person, say, startTurn, tokens, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const cancelled = { detail: "The turn was cancelled" }

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

const cancel = Effect.fnUntraced(function* ({ session_id, token }: Person) {
  const server = yield* TestServer
  return yield* server.ask("POST", `/v1/chat/sessions/${session_id}/cancel`, { token })
})

/** Waits until no turn has the session. */
const free = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM sessions WHERE session_id = ${session_id} AND lease_token IS NULL`.pipe(
    Effect.repeat({ until: (rows) => rows.length === 1, schedule: Schedule.spaced(5) })
  )
})

/** Nothing of the turn was stored, and the next one works and is not told of it. */
const leftNothing = Effect.fnUntraced(function* (person: Person) {
  const stub = yield* StubModel
  yield* free(person)
  assert.deepStrictEqual(yield* transcript(person), [])
  yield* answer(person, "next")
  const shown = (yield* stub.calls).at(-1)?.request.messages.slice(1)
  expect(shown).toMatchObject([{ role: "user", content: "next" }])
})

const usage = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql<{ readonly estimated: boolean; readonly input_tokens: number; readonly output_tokens: number }>`
    SELECT estimated, input_tokens, output_tokens FROM usage WHERE session_id = ${session_id}`
})

layer(TestServer.layer, { excludeTestServices: true })("a client that goes away", (it) => {
  const reads = { count: 2, stop: "hang" } as const

  it.effect("before anything came ends the turn, in JSON and streamed", () =>
    Effect.gen(function* () {
      for (const send of [say, listen]) {
        const stub = yield* scripted
        const person = yield* newcomer
        yield* stub.enqueue(Reply.hang)
        const client = yield* Effect.forkChild(send(person, "Hello"))
        const call = yield* stub.nextCall
        yield* Fiber.interrupt(client)
        assert.deepInclude(yield* call.ended, { by: "client" })
        yield* leftNothing(person)
      }
    })
  )

  it.effect("in the middle of the answer ends the turn", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("one two three", { afterChunks: reads }))
      const { events } = yield* listen(person, "Hello")
      assert.strictEqual(tokens(yield* Stream.runCollect(Stream.take(events, 2))), "one two ")
      const call = yield* stub.nextCall
      assert.deepInclude(yield* call.ended, { by: "client", chunksSent: 2 })
      yield* leftNothing(person)
    })
  )

  it.effect("has the upstream request closed at once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const delays: Array<number> = []
      for (let turn = 0; turn < 15; turn++) {
        yield* stub.enqueue(Reply.text("one two three", { afterChunks: reads }))
        const { events } = yield* listen(person, "Hello")
        let goneAt = 0
        yield* events.pipe(Stream.take(2), Stream.runDrain, Effect.tap(Effect.sync(() => (goneAt = performance.now()))))
        const { atMillis } = yield* (yield* stub.nextCall).ended
        delays.push(atMillis - goneAt)
        yield* free(person)
      }
      const [fastest = 0, median = Infinity] = [0, 7].map(
        (index) => delays.toSorted((a, b) => a - b)[index] ?? Infinity
      )
      assert.isBelow(
        median,
        50,
        `${fastest.toFixed(1)} ms at best: ${delays.map((delay) => delay.toFixed(1)).join(" ")}`
      )
    })
  )

  it.effect("is charged an estimate of what it got, once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const words = "word ".repeat(100)
      yield* stub.enqueue(Reply.text([words, "never heard"], { afterChunks: { count: 1, stop: "hang" } }))
      const { events } = yield* listen(person, "Hello")
      yield* Stream.runDrain(Stream.take(events, 1))
      yield* free(person)
      const [spent, ...more] = yield* usage(person)
      assert.deepStrictEqual(more, [])
      assert.isTrue(spent?.estimated)
      // A token is three to four characters of English.
      assert.isAbove(Number(spent?.input_tokens), 50)
      assert.isAbove(Number(spent?.output_tokens), words.length / 4)
      assert.isBelow(Number(spent?.output_tokens), words.length / 2)
    })
  )

  it.effect("may have the turn finished and stored", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      for (const send of [say, listen]) {
        const person = yield* newcomer
        const gate = yield* Deferred.make<void>()
        const message_id = randomUUID()
        yield* stub.enqueue(Reply.text("one two", { beforeHeaders: Deferred.await(gate) }))
        const client = yield* Effect.forkChild(send(person, "Hello", { message_id, on_disconnect: "continue" }))
        const call = yield* stub.nextCall
        yield* Fiber.interrupt(client)
        yield* Deferred.succeed(gate, undefined)
        assert.deepInclude(yield* call.ended, { by: "stub" })
        yield* free(person)
        assert.deepStrictEqual(yield* transcript(person), [
          ["user", "Hello"],
          ["assistant", "one two"]
        ])
        // Whoever comes back has the answer.
        assert.strictEqual((yield* answer(person, "Hello", { message_id })).message.content, "one two")
      }
    })
  )

  it.effect("may have it finished also when it leaves more unread than is kept for it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const gate = yield* Deferred.make<void>()
      const words = Array.from({ length: 2000 }, (_, index) => `w${index} `)
      yield* stub.enqueue(Reply.text(words, { afterChunks: { count: 1, stop: Deferred.await(gate) } }))
      const { events } = yield* listen(person, "Hello", { on_disconnect: "continue" })
      yield* Stream.runDrain(Stream.take(events, 1))
      yield* Deferred.succeed(gate, undefined)
      yield* free(person)
      assert.deepStrictEqual(
        (yield* transcript(person)).map(([, content]) => content),
        ["Hello", words.join("")]
      )
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("cancelling", (it) => {
  it.effect("ends the running turn: its request, its model and its hold on the session", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      const reply = yield* cancel(person)
      assert.deepStrictEqual([reply.status, reply.text], [202, ""])
      assert.deepInclude(yield* turn.call.ended, { by: "client" })
      const ended = yield* turn.reply
      assert.deepStrictEqual([ended.status, ended.json], [409, cancelled])
      assert.isNull(ended.headers.get("retry-after"))
      // The session is free before the one who cancelled hears of it.
      yield* answer(person, "next")
      assert.deepStrictEqual((yield* transcript(person))[0], ["user", "next"])
      assert.strictEqual((yield* stub.calls).length, 2)
    })
  )

  it.effect("tells a listener in the middle of the answer, whose tokens are accounted once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }))
      const { events } = yield* listen(person, "Hello")
      const all = yield* events.pipe(
        Stream.tap(({ event }) => (event === "token" ? cancel(person) : Effect.void)),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        all.map(({ event }) => event),
        ["token", "error"]
      )
      assert.deepStrictEqual(all[1]?.data, { detail: "The turn was cancelled", status: 409 })
      assert.deepStrictEqual(
        (yield* usage(person)).map(({ estimated }) => estimated),
        [true]
      )
      yield* leftNothing(person)
    })
  )

  it.effect("ends a turn that its client has left", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.hang)
      const client = yield* Effect.forkChild(say(person, "Hello", { on_disconnect: "continue" }))
      const call = yield* stub.nextCall
      yield* Fiber.interrupt(client)
      assert.strictEqual((yield* cancel(person)).status, 202)
      assert.deepInclude(yield* call.ended, { by: "client" })
      yield* leftNothing(person)
    })
  )

  it.effect("is refused when nothing runs, and after the turn has ended", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const nothing = [409, { detail: "No turn is running in this session" }]
      const before = yield* cancel(person)
      assert.deepStrictEqual([before.status, before.json], nothing)
      yield* answer(person, "Hello")
      const after = yield* cancel(person)
      assert.deepStrictEqual([after.status, after.json], nothing)
    })
  )

  it.effect("at the moment of the answer either ends the turn or comes too late, never both", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const outcomes = new Set<string>()
      for (let round = 0; round < 30; round++) {
        yield* stub.reset
        const person = yield* newcomer
        const turn = yield* startTurn(person)
        const [, ended] = yield* Effect.all([turn.letAnswer, cancel(person)], { concurrency: "unbounded" })
        const reply = yield* turn.reply
        const stored = (yield* transcript(person)).length
        outcomes.add(`${ended.status} ${reply.status} ${stored}`)
      }
      assert.includeMembers(["202 409 0", "409 200 2"], [...outcomes])
    })
  )
})
