import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../../test/StubModel.ts"
import { answer, newcomer, say, startTurn, transcript } from "../../test/TestChat.ts"
import * as TestLog from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"

/** From now on the database takes writes or does not; connections are cut, as a failover does. */
const takesWrites = Effect.fnUntraced(function* (does: boolean) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly name: string }>`SELECT current_database() AS name`
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SET TRANSACTION READ WRITE`
      yield* sql`ALTER DATABASE ${sql(row?.name ?? "")} SET default_transaction_read_only = ${sql.literal(does ? "off" : "on")}`
    })
  )
  // The own connection last: with it ends the statement, whatever it has not come to.
  yield* Effect.ignore(
    sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid = pg_backend_pid()`
  )
  // Until a statement finds a new connection.
  yield* Effect.retry(sql`SELECT 1`, { times: 20 })
})

layer(TestServer.layer, { excludeTestServices: true })(
  "a database that takes no writes, as after a failover,",
  (it) => {
    it.effect(
      "is read as ever, a 503 for whoever wants to change something, and has every turn once when it does",
      () =>
        Effect.gen(function* () {
          const server = yield* TestServer
          const stub = yield* StubModel
          const { lines } = yield* TestLog.TestLog
          const [running, resting] = yield* Effect.all([newcomer, newcomer])
          yield* answer(resting, "Hello")
          const message_id = randomUUID()
          const { letAnswer, reply } = yield* startTurn(running, "Slowly", { message_id })

          yield* takesWrites(false)
          yield* letAnswer
          const { token } = resting
          const refused = [
            yield* reply,
            yield* say(resting, "And now?"),
            yield* server.ask("POST", "/v1/auth/register", {
              body: { email: `${randomUUID()}@example.com`, password: "Correct-horse-7" }
            }),
            yield* server.ask("POST", "/v1/chat/sessions", { token, body: {} }),
            yield* server.ask("DELETE", `/v1/chat/sessions/${resting.session_id}`, { token })
          ]
          for (const { headers, json, status } of refused) {
            assert.deepStrictEqual([status, json], [503, { detail: "Service temporarily unavailable" }])
            assert.strictEqual(headers.get("retry-after"), "1")
          }
          assert.lengthOf(yield* transcript(resting), 2)
          assert.lengthOf(yield* transcript(running), 0)
          assert.isEmpty(lines.filter((line) => line.includes('"level":"ERROR"')))

          yield* takesWrites(true)
          yield* stub.reset
          yield* answer(running, "Slowly", { message_id })
          yield* answer(resting, "And now?")
          assert.lengthOf(yield* transcript(running), 2)
          assert.lengthOf(yield* transcript(resting), 4)
          const sql = yield* SqlClient.SqlClient
          assert.isEmpty(yield* sql`SELECT FROM sessions WHERE lease_token IS NOT NULL`)
        })
    )
  }
)
