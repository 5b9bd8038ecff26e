import { assert, layer, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { ServerProcess } from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, listen, newcomer, type Person, say, transcript } from "../../test/TestChat.ts"

// A server takes a second to start, on a busy machine many.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

/** Waits until so many statements of the server stand where the test has put a lock. */
const waiting = Effect.fnUntraced(function* (count: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'parley' AND wait_event_type = 'Lock'`.pipe(
    Effect.repeat({ until: (rows) => rows.length === count, schedule: Schedule.spaced(5) })
  )
})
const serverWaits = waiting(1)
/** They wait for a lock no longer than two seconds, also when nobody waits for them any more. */
const nobodyWaits = waiting(0)

/** All that is known of the session: messages, usage and their order, and that it is free. */
const stored = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  return yield* sql`SELECT s.lease_token IS NULL AS free,
      (SELECT count(*)::integer FROM messages m WHERE m.session_id = s.session_id) AS messages,
      (SELECT count(*)::integer FROM usage u WHERE u.session_id = s.session_id) AS usage,
      (SELECT count(*)::integer FROM checkpoints c WHERE c.thread_id = s.session_id::text) AS checkpoints
    FROM sessions s WHERE session_id = ${session_id}`
})
/** The whole of what a client gets. */
const asJson = (person: Person, message_id: string) => Effect.asVoid(say(person, "Hello", { message_id }))
const asStream = (person: Person, message_id: string) => Effect.asVoid(events(person, "Hello", { message_id }))

const nothing = { messages: 0, usage: 0, checkpoints: 0 }
const oneTurn = [{ free: true, messages: 2, usage: 1, checkpoints: 1 }]

/** What the next turn has in mind is one question and one answer, however often the question was sent. */
const isOneTurn = Effect.fnUntraced(function* (person: Person, content: string) {
  const stub = yield* StubModel
  assert.deepStrictEqual(yield* stored(person), oneTurn)
  assert.deepStrictEqual(yield* transcript(person), [
    ["user", "Hello"],
    ["assistant", content]
  ])
  yield* answer(person, "What did we say?")
  const shown = (yield* stub.calls)
    .at(-1)
    ?.request.messages.slice(1)
    .map((message) => message.content)
  assert.deepStrictEqual(shown, ["Hello", content, "What did we say?"])
})

layer(ServerProcess.layer, { excludeTestServices: true })("a server that is killed", (it) => {
  it.effect(
    "in the middle of an answer leaves nothing but a lease, and the message can be sent again when that is over",
    () =>
      Effect.gen(function* () {
        const server = yield* ServerProcess
        const stub = yield* scripted
        const person = yield* newcomer
        const message_id = randomUUID()
        yield* stub.enqueue(Reply.text("one two three", { afterChunks: { count: 2, stop: "hang" } }))
        const { events } = yield* listen(person, "Hello", { message_id })
        const heard: Array<string> = []
        const ended = yield* events.pipe(
          Stream.tap(({ event }) => Effect.sync(() => heard.push(event))),
          Stream.tap(() => (heard.length === 2 ? server.kill : Effect.void)),
          Stream.runDrain,
          Effect.flip
        )
        assert.strictEqual(ended._tag, "UnknownError")
        assert.deepStrictEqual(heard, ["token", "token"])
        assert.deepStrictEqual(yield* stored(person), [{ free: false, ...nothing }])
        assert.deepInclude(yield* (yield* stub.nextCall).ended, { by: "client" })

        yield* server.restart
        yield* stub.enqueue(Reply.text("one two three"))
        assert.strictEqual((yield* answer(person, "Hello", { message_id })).message.content, "one two three")
        yield* isOneTurn(person, "one two three")
      })
  )

  it.effect("while its turn is being written leaves nothing, and answers the repeated message once", () =>
    Effect.gen(function* () {
      const server = yield* ServerProcess
      const sql = yield* SqlClient.SqlClient
      const stub = yield* scripted
      const message_id = randomUUID()
      // What the statement writes first, and what it writes last.
      for (const table of ["messages", "checkpoint_blobs"]) {
        yield* stub.reset
        const person = yield* newcomer
        yield* stub.enqueue(Reply.text("First answer."))
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`LOCK TABLE ${sql(table)} IN EXCLUSIVE MODE`
            const turn = yield* Effect.forkChild(Effect.exit(say(person, "Hello", { message_id })))
            yield* serverWaits
            yield* server.kill
            assert.strictEqual((yield* Fiber.join(turn))._tag, "Failure")
            yield* nobodyWaits
          })
        )
        yield* server.restart
        assert.deepStrictEqual(yield* stored(person), [{ free: false, ...nothing }])
        yield* stub.enqueue(Reply.text("Second answer."))
        yield* answer(person, "Hello", { message_id })
        yield* isOneTurn(person, "Second answer.")
      }
    })
  )

  it.effect("while its turn is being written may have answered: the database finishes what it was sent", () =>
    Effect.gen(function* () {
      const server = yield* ServerProcess
      const sql = yield* SqlClient.SqlClient
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      yield* stub.enqueue(Reply.text("The only answer."))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE checkpoint_blobs IN EXCLUSIVE MODE`
          const turn = yield* Effect.forkChild(Effect.exit(say(person, "Hello", { message_id })))
          yield* serverWaits
          yield* server.kill
          yield* Fiber.join(turn)
        })
      )
      yield* server.restart
      yield* answer(person, "Hello", { message_id })
      assert.lengthOf(yield* stub.calls, 1)
      yield* isOneTurn(person, "The only answer.")
    })
  )

  it.effect("between the commit and the response has answered, and says so when the message is repeated", () =>
    Effect.gen(function* () {
      const server = yield* ServerProcess
      const sql = yield* SqlClient.SqlClient
      const stub = yield* scripted
      // A commit comes to its end when the test lets it.
      yield* sql`CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$`
      yield* sql`CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON messages
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test()`
      for (const heard of [asJson, asStream]) {
        const [held, released] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        yield* stub.reset
        const person = yield* newcomer
        const message_id = randomUUID()
        yield* stub.enqueue(Reply.text("The only answer."))
        const holding = yield* sql`SELECT pg_advisory_xact_lock(1)`.pipe(
          Effect.andThen(Deferred.succeed(held, undefined)),
          Effect.andThen(Deferred.await(released)),
          sql.withTransaction,
          Effect.forkChild
        )
        yield* Deferred.await(held)
        const turn = yield* Effect.forkChild(Effect.exit(heard(person, message_id)))
        yield* serverWaits
        yield* server.freeze
        yield* Deferred.succeed(released, undefined)
        yield* Fiber.join(holding)
        yield* sql`SELECT FROM messages WHERE session_id = ${person.session_id}`.pipe(
          Effect.repeat({ until: (rows) => rows.length === 2, schedule: Schedule.spaced(5) })
        )
        yield* server.kill
        assert.strictEqual((yield* Fiber.join(turn))._tag, "Failure")
        yield* server.restart
        assert.deepStrictEqual(yield* stored(person), oneTurn)
        const calls = (yield* stub.calls).length
        yield* answer(person, "Hello", { message_id })
        assert.strictEqual((yield* stub.calls).length, calls)
        yield* isOneTurn(person, "The only answer.")
      }
    })
  )
})
