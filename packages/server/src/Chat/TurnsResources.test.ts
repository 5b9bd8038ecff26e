import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as SqlWire from "../../test/SqlWire.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, newcomer, say, startTurn } from "../../test/TestChat.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { TestServer } from "../../test/TestServer.ts"

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

const wire = SqlWire.make()

layer(TestServer.layerWith({ database: wire.layer }), { excludeTestServices: true })("the database", (it) => {
  it.effect("is asked no more than four statements for a plain turn, all counted", () =>
    Effect.gen(function* () {
      yield* scripted
      const person = yield* newcomer
      yield* answer(person, "the login has been checked, the statements are prepared")
      const plain = yield* wire.count(answer(person, "Hello"))
      const repeatable = yield* wire.count(answer(person, "Hello", { message_id: randomUUID() }))
      const streamed = yield* wire.count(events(person, "Hello"))
      // Lease, checkpoint, and all that the turn leaves; and whether the message was answered before.
      for (const { statements } of [plain, repeatable, streamed]) {
        assert.isAtLeast(statements, 3)
        assert.isAtMost(statements, 4)
      }
    })
  )

  it.effect("is asked less for a repeated message, and for a turn that fails", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message_id = randomUUID()
      yield* answer(person, "Hello", { message_id })
      const repeated = yield* wire.count(answer(person, "Hello", { message_id }))
      yield* stub.enqueue(Reply.refusal({ status: 400 }))
      const failed = yield* wire.count(say(person, "Hello"))
      // Lease and answer; lease, checkpoint and release.
      assert.isAtMost(repeated.statements, 4)
      assert.isAtMost(failed.statements, 5)
    })
  )

  it.effect("is asked once a second for all turns that run, however many", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const gate = yield* Deferred.make<void>()
      yield* stub.handle(() => Reply.text("At last.", { beforeHeaders: Deferred.await(gate) }))
      const turns = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        Effect.flatMap(newcomer, (person) => Effect.forkChild(answer(person, "Slowly")))
      )
      for (const _ of turns) yield* stub.nextCall
      const { statements } = yield* wire.count(Effect.sleep("1500 millis"))
      assert.isAtLeast(statements, 1)
      assert.isAtMost(statements, 2)
      yield* Deferred.succeed(gate, undefined)
      for (const turn of turns) yield* Fiber.join(turn)
    })
  )

  it.effect("renews leases also while somebody works on one of the sessions", () =>
    Effect.gen(function* () {
      yield* scripted
      const people = yield* Effect.all([newcomer, newcomer])
      const turns = yield* Effect.forEach(people, (person) => startTurn(person))
      const sql = yield* SqlClient.SqlClient
      const [{ session_id: held }, { session_id }] = people
      yield* sql`UPDATE sessions SET lease_expires_at = now() + interval '5 s'`
      yield* sql.withTransaction(
        Effect.andThen(
          sql`SELECT FROM sessions WHERE session_id = ${held} FOR UPDATE`,
          sql`SELECT FROM sessions WHERE session_id = ${session_id} AND lease_expires_at > now() + interval '20 s'`.pipe(
            Effect.repeat({ until: (rows) => rows.length === 1, schedule: Schedule.spaced(20) })
          )
        )
      )
      for (const turn of turns) {
        yield* turn.letAnswer
        assert.strictEqual((yield* turn.reply).status, 200)
      }
    })
  )
})

const pool = TestDatabase.layerPool(2, false)

layer(TestServer.layerWith({ database: pool }), { excludeTestServices: true })("two connections", (it) => {
  it.effect("are enough for a hundred slow turns: nobody holds one while the model runs", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const server = yield* TestServer
      const gate = yield* Deferred.make<void>()
      yield* stub.handle(() => Reply.text("At last.", { afterChunks: { count: 1, stop: Deferred.await(gate) } }))
      const token = yield* server.register
      const turns = yield* Effect.forEach(
        Array.from({ length: 100 }),
        Effect.fnUntraced(function* (_, index) {
          const person = { token, session_id: yield* server.openSession(token) }
          return index % 2 === 0 ? yield* answer(person, "Slowly") : yield* events(person, "Slowly")
        }),
        { concurrency: "unbounded" }
      ).pipe(Effect.forkChild)
      for (let call = 0; call < 100; call++) yield* stub.nextCall
      assert.strictEqual((yield* stub.stats).open, 100)
      const sql = yield* SqlClient.SqlClient
      const held = yield* sql`SELECT state FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'`
      assert.deepStrictEqual(held, [])
      assert.strictEqual((yield* server.ask("GET", "/v1/chat/sessions", { token })).status, 200)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(turns)).length, 100)
      const rows = yield* sql`SELECT session_id FROM messages GROUP BY session_id HAVING count(*) = 2`
      assert.strictEqual(rows.length, 100)
    })
  )
})
