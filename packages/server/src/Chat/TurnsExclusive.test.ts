import { assert, expect, layer } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, listen, newcomer, type Person, say, startTurn, transcript } from "../../test/TestChat.ts"
import { type Reply as HttpReply, TestServer } from "../../test/TestServer.ts"

const busy = { detail: "A turn is already running in this session" }
const cancelled = { detail: "The turn was cancelled" }

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

const isBusy = (reply: HttpReply) => {
  assert.deepStrictEqual([reply.status, reply.json], [409, busy])
  assert.match(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/u)
}

const isCancelled = (reply: HttpReply) => assert.deepStrictEqual([reply.status, reply.json], [409, cancelled])

/** Somebody else has the lease, for so many more seconds. */
const taken = Effect.fnUntraced(function* ({ session_id }: Person, seconds: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE sessions SET lease_token = gen_random_uuid(), lease_expires_at = now() + make_interval(secs => ${seconds})
    WHERE session_id = ${session_id}`
})

const secondsLeft = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly left: number | null }>`
    SELECT extract(epoch FROM lease_expires_at - now())::float8 AS left FROM sessions WHERE session_id = ${session_id}`
  return row?.left
})

layer(TestServer.layer, { excludeTestServices: true })("a turn, while it runs", (it) => {
  it.effect("is the only one of its session: others are told to come back", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      isBusy(yield* say(person, "Me too"))
      const { response } = yield* listen(person, "Me too")
      assert.deepStrictEqual([response.status, response.headers.get("content-type")], [409, "application/json"])
      assert.isNotNull(response.headers.get("retry-after"))
      assert.deepStrictEqual(yield* Effect.promise(() => response.json()), busy)
      yield* turn.letAnswer
      assert.strictEqual((yield* turn.reply).status, 200)
      yield* answer(person, "Now me")
      assert.strictEqual((yield* stub.calls).length, 2)
      assert.strictEqual((yield* transcript(person)).length, 4)
    })
  )

  it.effect("does not keep other sessions of the same person waiting", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      const session_id = yield* (yield* TestServer).openSession(person.token)
      yield* answer({ ...person, session_id }, "Meanwhile")
      yield* turn.letAnswer
      assert.strictEqual((yield* turn.reply).status, 200)
    })
  )

  it.effect("is started by one of many requests at the same moment", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person, "first")
      const replies = yield* Effect.all(
        Array.from({ length: 20 }, (_, index) => say(person, `number ${index}`)),
        { concurrency: "unbounded" }
      )
      replies.forEach(isBusy)
      yield* turn.letAnswer
      yield* turn.reply
      const [winner, ...losers] = yield* Effect.all(
        Array.from({ length: 20 }, (_, index) => say(person, `number ${index}`)),
        { concurrency: "unbounded" }
      ).pipe(Effect.map((all) => all.toSorted((a, b) => a.status - b.status)))
      assert.strictEqual(winner?.status, 200)
      // Who comes after the first has ended may have a turn as well.
      const turns = 1 + losers.filter(({ status }) => status === 200).length
      losers.filter(({ status }) => status !== 200).forEach(isBusy)
      assert.strictEqual((yield* stub.calls).length, 1 + turns)
      const roles = (yield* transcript(person)).map(([role]) => role)
      assert.deepStrictEqual(
        roles,
        Array.from({ length: 2 * (1 + turns) }, (_, index) => (index % 2 === 0 ? "user" : "assistant"))
      )
    })
  )

  it.effect("keeps a session that a crashed server left busy waiting no longer than its lease", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* taken(person, 0.5)
      isBusy(yield* say(person, "Anybody there?"))
      assert.deepStrictEqual(yield* stub.calls, [])
      yield* taken(person, -0.001)
      yield* answer(person, "Anybody there?")
      assert.isNull(yield* secondsLeft(person))
    })
  )

  it.effect("writes nothing when its lease was taken over, and leaves the new one alone", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      yield* taken(person, 30)
      yield* turn.letAnswer
      isCancelled(yield* turn.reply)
      assert.deepStrictEqual(yield* transcript(person), [])
      isBusy(yield* say(person, "Still busy?"))
      const sql = yield* SqlClient.SqlClient
      const { session_id } = person
      assert.deepStrictEqual(yield* sql`SELECT FROM checkpoints WHERE thread_id = ${session_id}`, [])
      // It was paid for all the same.
      const spent = yield* sql`SELECT message_id, estimated FROM usage WHERE session_id = ${session_id}`
      assert.deepStrictEqual(spent, [{ message_id: null, estimated: false }])
    })
  )

  it.effect("ends by itself when its lease was taken, and the model with it", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      yield* taken(person, 30)
      assert.deepInclude(yield* turn.call.ended, { by: "client" })
      isCancelled(yield* turn.reply)
      assert.deepStrictEqual(yield* transcript(person), [])
    })
  )

  it.effect("renews its lease, also one that has run out and nobody wanted", () =>
    Effect.gen(function* () {
      yield* scripted
      const people = yield* Effect.all([newcomer, newcomer])
      const turns = yield* Effect.forEach(people, (person) => startTurn(person))
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE sessions SET lease_expires_at = now() + interval '5 s' WHERE session_id = ${people[0].session_id}`
      yield* sql`UPDATE sessions SET lease_expires_at = now() - interval '5 s' WHERE session_id = ${people[1].session_id}`
      // Both are renewed by one statement; the watch comes round once a second.
      yield* Effect.forEach(people, (person) =>
        secondsLeft(person).pipe(Effect.repeat({ until: (left) => (left ?? 0) > 20, schedule: Schedule.spaced(20) }))
      )
      for (const turn of turns) {
        yield* turn.letAnswer
        assert.strictEqual((yield* turn.reply).status, 200)
      }
    })
  )

  it.effect("that ran out of lease still answers, if nobody took it", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE sessions SET lease_expires_at = now() - interval '1 s' WHERE session_id = ${person.session_id}`
      yield* turn.letAnswer
      assert.strictEqual((yield* turn.reply).status, 200)
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a turn whose session goes", (it) => {
  const path = ({ session_id }: Person) => `/v1/chat/sessions/${session_id}`

  it.effect("with a deletion leaves nothing but its cost", () =>
    Effect.gen(function* () {
      yield* scripted
      const server = yield* TestServer
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      assert.strictEqual((yield* server.ask("DELETE", path(person), { token: person.token })).status, 204)
      yield* turn.letAnswer
      isCancelled(yield* turn.reply)
      const sql = yield* SqlClient.SqlClient
      const { session_id } = person
      assert.deepStrictEqual(yield* sql`SELECT FROM messages WHERE session_id = ${session_id}`, [])
      assert.deepStrictEqual(yield* sql`SELECT FROM checkpoints WHERE thread_id = ${session_id}`, [])
      assert.deepStrictEqual(yield* sql`SELECT FROM checkpoint_blobs WHERE thread_id = ${session_id}`, [])
    })
  )

  it.effect("by being cleared brings nothing back, and the session goes on", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const server = yield* TestServer
      const person = yield* newcomer
      yield* answer(person, "before")
      yield* stub.nextCall
      const turn = yield* startTurn(person)
      assert.strictEqual((yield* server.ask("DELETE", `${path(person)}/messages`, { token: person.token })).status, 204)
      // The session is free at once, whatever becomes of the turn.
      yield* answer(person, "after")
      yield* turn.letAnswer
      isCancelled(yield* turn.reply)
      assert.deepStrictEqual(yield* transcript(person), [
        ["user", "after"],
        ["assistant", "The stub has spoken."]
      ])
      const shown = (yield* stub.calls).at(-1)?.request.messages.slice(1)
      expect(shown).toMatchObject([{ role: "user", content: "after" }])
    })
  )

  it.effect("with its account ends, and nothing of it is left", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      const turn = yield* startTurn(person)
      const sql = yield* SqlClient.SqlClient
      const { session_id } = person
      yield* sql`DELETE FROM users WHERE id = (SELECT user_id FROM sessions WHERE session_id = ${session_id})`
      assert.deepInclude(yield* turn.call.ended, { by: "client" })
      isCancelled(yield* turn.reply)
      assert.deepStrictEqual(yield* sql`SELECT FROM messages WHERE session_id = ${session_id}`, [])
      assert.deepStrictEqual(yield* sql`SELECT FROM usage WHERE session_id = ${session_id}`, [])
    })
  )

  it.effect("tells a listener so, after the first event", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const server = yield* TestServer
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }))
      const { events } = yield* listen(person, "Hello")
      const all = yield* events.pipe(
        Stream.tap(({ event }) =>
          event === "token" ? server.ask("DELETE", path(person), { token: person.token }) : Effect.void
        ),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        all.map(({ data, event }) => [event, data.detail, data.status]),
        [
          ["token", undefined, undefined],
          ["error", "The turn was cancelled", 409]
        ]
      )
    })
  )
})
