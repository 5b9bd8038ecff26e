import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, listen, newcomer, type Person, say, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import * as Wire from "../../test/Wire.ts"

/** The server is at the end of the wire, the test is not. */
const Direct = Layer.unwrap(Effect.map(Wire.Wire, ({ directUrl }) => PgClient.layer({ url: directUrl })))

/** Waits until the session is. No lease runs out meanwhile: they last 30 seconds. */
const isFree = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM sessions WHERE session_id = ${session_id} AND lease_token IS NULL`.pipe(
    Effect.repeat({ until: (rows) => rows.length === 1, schedule: Schedule.spaced(20) })
  )
})

/** The messages that each call of the model was paid for. */
const usage = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly message_id: string | null }>`
    SELECT message_id FROM usage WHERE session_id = ${session_id} ORDER BY id`
  return rows.map((row) => row.message_id)
})

/** A turn that loses its connection while its statement stands at a lock, and what becomes of it. */
const losingAt = Effect.fnUntraced(function* (lock: string, lose: (wire: Wire.Wire["Service"]) => Effect.Effect<void>) {
  const stub = yield* StubModel
  const wire = yield* Wire.Wire
  const sql = yield* SqlClient.SqlClient
  yield* stub.reset
  const person = yield* newcomer
  const message_id = randomUUID()
  const waiting = sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql.unsafe(lock)
      const turn = yield* Effect.forkChild(say(person, "Hello", { message_id }))
      yield* Effect.repeat(waiting, { until: (rows) => rows.length === 1, schedule: Schedule.spaced(5) })
      yield* lose(wire)
      assert.strictEqual((yield* Fiber.join(turn)).status, 503)
    })
  )
  yield* wire.mend
  yield* isFree(person)
  return { again: answer(person, "Hello", { message_id }), calls: stub.calls, person }
})

layer(
  Layer.merge(TestServer.layerWith({ database: Wire.layerDatabase }), Direct).pipe(Layer.provideMerge(Wire.layer)),
  { excludeTestServices: true }
)("a turn whose server loses the database", (it) => {
  it.effect("before it is written is not stored, but paid for, and free to be asked again", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const wire = yield* Wire.Wire
      yield* stub.reset
      const gate = yield* Deferred.make<void>()
      yield* stub.enqueue(Reply.text("Lost.", { beforeHeaders: Deferred.await(gate) }))
      const person = yield* newcomer
      const message_id = randomUUID()
      const turn = yield* Effect.forkChild(say(person, "Hello", { message_id }))
      yield* stub.nextCall
      yield* wire.cut
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(turn)).status, 503)
      yield* wire.mend
      yield* isFree(person)
      assert.deepStrictEqual(yield* transcript(person), [])
      assert.deepStrictEqual(yield* usage(person), [null])
      const { message } = yield* answer(person, "Hello", { message_id })
      assert.deepStrictEqual(yield* usage(person), [null, message.id])
    })
  )

  it.effect("while it is being written is stored, and paid for once", () =>
    Effect.gen(function* () {
      // The database does not notice that nobody waits for what it was sent.
      const { again, calls, person } = yield* losingAt("LOCK TABLE checkpoints IN EXCLUSIVE MODE", ({ cut }) => cut)
      const { message } = yield* again
      assert.deepStrictEqual(yield* usage(person), [message.id])
      assert.strictEqual((yield* calls).length, 1)
      assert.strictEqual((yield* transcript(person)).length, 2)
    })
  )

  it.effect("during the commit is stored, and paid for once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$`
      yield* sql`CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON messages
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test()`
      const { again, calls, person } = yield* losingAt("SELECT pg_advisory_xact_lock(1)", ({ cut, mend }) =>
        // The next connection works at once.
        Effect.andThen(cut, mend)
      )
      const { message } = yield* again
      assert.deepStrictEqual(yield* usage(person), [message.id])
      assert.strictEqual((yield* calls).length, 1)
      assert.strictEqual((yield* transcript(person)).length, 2)
    })
  )

  it.effect("and then its client is paid for all the same, once", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const wire = yield* Wire.Wire
      const sql = yield* SqlClient.SqlClient
      yield* stub.reset
      yield* stub.enqueue(Reply.text("one two", { afterChunks: { count: 1, stop: "hang" } }))
      const person = yield* newcomer
      const heard = yield* Deferred.make<void>()
      const { events } = yield* listen(person, "Hello")
      const listening = yield* Effect.forkChild(Stream.runForEach(events, () => Deferred.succeed(heard, undefined)))
      yield* Deferred.await(heard)
      const call = yield* stub.nextCall
      yield* wire.cut
      yield* Fiber.interrupt(listening)
      assert.deepInclude(yield* call.ended, { by: "client" })
      yield* wire.mend
      const usage = sql`SELECT estimated, message_id FROM usage WHERE session_id = ${person.session_id}`
      yield* Effect.repeat(usage, { until: (rows) => rows.length > 0, schedule: Schedule.spaced(20) })
      yield* answer(person, "Again")
      assert.deepStrictEqual((yield* usage)[0], { estimated: true, message_id: null })
      assert.strictEqual((yield* usage).length, 2)
    })
  )
})
