import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { newcomer, say } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

/** Waits, in a transaction, until somebody waits for it. */
const somebodyWaits = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`.pipe(
    Effect.repeat({ until: (rows) => rows.length > 0, schedule: Schedule.spaced(5) })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a turn whose session is just being deleted", (it) => {
  it.effect("finds no session, and not one in which a turn is running", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const person = yield* newcomer
      const turn = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`DELETE FROM sessions WHERE session_id = ${person.session_id}`
          const turn = yield* Effect.forkDetach(say(person, "Hello"))
          yield* somebodyWaits
          return turn
        })
      )
      const reply = yield* Fiber.join(turn)
      assert.deepStrictEqual([reply.status, reply.json], [404, { detail: "Session not found" }])
    })
  )
})
