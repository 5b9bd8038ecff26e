import { assert, expect, layer } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../../test/StubModel.ts"
import { newcomer, type Person, say } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

/** Takes a turn that has to wait, because its session is being changed by what is not committed yet. */
const sayDuring = Effect.fnUntraced(function* <E>(
  person: Person,
  message_id: string,
  change: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, E>
) {
  const sql = yield* SqlClient.SqlClient
  const waiting = sql`SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`
  const turn = yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* change(sql)
      const turn = yield* Effect.forkDetach(say(person, "Hello", { message_id }))
      yield* Effect.repeat(waiting, { until: (rows) => rows.length > 0, schedule: Schedule.spaced(5) })
      return turn
    })
  )
  return yield* Fiber.join(turn)
})

layer(TestServer.layer, { excludeTestServices: true })("a turn that waits for its session", (it) => {
  it.effect("finds none when it was deleted, and not one in which a turn is running", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const { session_id } = person
      const deleted = (sql: SqlClient.SqlClient) => sql`DELETE FROM sessions WHERE session_id = ${session_id}`
      const reply = yield* sayDuring(person, randomUUID(), deleted)
      assert.deepStrictEqual([reply.status, reply.json], [404, { detail: "Session not found" }])
    })
  )

  it.effect("finds its own answer when the same message was being answered", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const { session_id } = person
      const message_id = randomUUID()
      const answered = (sql: SqlClient.SqlClient) =>
        Effect.andThen(
          sql`UPDATE sessions SET lease_token = NULL WHERE session_id = ${session_id}`,
          sql`INSERT INTO messages (session_id, id, role, content, timestamp)
            VALUES (${session_id}, ${message_id}, 'user', 'Hello', now()),
              (${session_id}, ${randomUUID()}, 'assistant', 'Good day!', now())`
        )
      const reply = yield* sayDuring(person, message_id, answered)
      assert.strictEqual(reply.status, 200, reply.text)
      expect(reply.json).toMatchObject({ message: { content: "Good day!" } })
      assert.deepStrictEqual(yield* (yield* StubModel).calls, [])
    })
  )
})
