import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { type Account, loggedIn, login, me, newcomer, password, refreshed } from "../../test/TestAccount.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestChat from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import { untilWaiting, whenBlocked } from "../../test/whenBlocked.ts"

const remove = (token: string, current_password = password) => me("DELETE", token, { current_password })

/** An account with a conversation. */
const talker = Effect.gen(function* () {
  const server = yield* TestServer
  const account = yield* newcomer
  return { ...account, session_id: yield* server.openSession(account.token) }
})

/** How many rows of each table of the database have one of these texts in any column, as text or as bytes. */
const rowsWith = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql<{ name: string }>`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name`
  const needles = texts.flatMap((text) => [text, Buffer.from(text).toString("hex")])
  const counts = yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql<{ count: number }>`SELECT count(*)::integer AS count FROM ${sql(name)} t
        WHERE EXISTS (SELECT FROM unnest(${needles}::text[]) needle WHERE position(needle IN to_jsonb(t)::text) > 0)`,
      ([row]) => [name, row?.count ?? 0] as const
    )
  )
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
})

/** What only this account has in it: its ids, those of what belongs to it, and what was said. */
const tracesOf = Effect.fnUntraced(function* ({ email, id }: Account, ...said: ReadonlyArray<string>) {
  const sql = yield* SqlClient.SqlClient
  const ids = yield* sql<{ id: string }>`SELECT session_id::text AS id FROM sessions WHERE user_id = ${id}
    UNION SELECT id::text FROM login_families WHERE user_id = ${id}
    UNION SELECT m.id::text FROM messages m JOIN sessions s USING (session_id) WHERE s.user_id = ${id}`
  return [id, email, ...ids.map((row) => row.id), ...said]
})

layer(TestServer.layer, { excludeTestServices: true })("an account that is deleted", (it) => {
  it.effect("leaves nothing in any table, and takes nothing from others", () =>
    Effect.gen(function* () {
      const [person, other] = [yield* talker, yield* talker]
      yield* TestChat.answer(person, "My name is Zebulon")
      yield* TestChat.answer(other, "My name is Quentin")
      yield* refreshed((yield* loggedIn(person.email)).refresh_token)
      const traces = yield* tracesOf(person, "Zebulon")
      const othersTraces = yield* tracesOf(other, "Quentin")
      const all = [
        "checkpoint_blobs",
        "checkpoints",
        "login_families",
        "messages",
        "refresh_tokens",
        "sessions",
        "usage",
        "usage_months",
        "users"
      ]
      assert.deepStrictEqual(Object.keys(yield* rowsWith(traces)), all)
      const others = yield* rowsWith(othersTraces)
      const reply = yield* remove(person.token)
      assert.deepStrictEqual([reply.status, reply.text], [204, ""])
      assert.deepStrictEqual(yield* rowsWith(traces), {})
      assert.deepStrictEqual(yield* rowsWith(othersTraces), others)
    })
  )

  it.effect("has no good token any more, and its address is free", () =>
    Effect.gen(function* () {
      const { email, refresh_token, token } = yield* newcomer
      const other = yield* loggedIn(email)
      for (const access of [token, other.access_token]) assert.strictEqual((yield* me("GET", access)).status, 200)
      assert.strictEqual((yield* remove(token)).status, 204)
      const server = yield* TestServer
      for (const access of [token, other.access_token]) {
        // It is not the account that is missed: nothing is asked of it here.
        const reply = yield* server.ask("POST", "/v1/auth/logout", { token: access })
        assert.deepStrictEqual([reply.status, reply.json], [401, { detail: "Invalid or expired token" }])
      }
      for (const refresh of [refresh_token, other.refresh_token]) assert.strictEqual(yield* refreshed(refresh), 401)
      assert.strictEqual((yield* login(email)).status, 401)
      const again = yield* server.ask("POST", "/v1/auth/register", { body: { email, password } })
      assert.strictEqual(again.status, 201)
    })
  )

  it.effect("wants its password", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const wrong = yield* remove(token, "Wrong-horse-7")
      assert.deepStrictEqual([wrong.status, wrong.json], [400, { detail: "Current password is incorrect" }])
      const without = yield* me("DELETE", token)
      assert.deepStrictEqual(without.json, {
        detail: "Validation error",
        errors: [{ field: "body", message: "Must be an object" }]
      })
      assert.strictEqual((yield* me("GET", token)).status, 200)
    })
  )

  it.effect("ends its running turn, which writes nothing", () =>
    Effect.gen(function* () {
      const person = yield* talker
      const traces = yield* tracesOf(person, "Zebulon is thinking")
      const turn = yield* TestChat.startTurn(person, "Zebulon is thinking")
      assert.strictEqual((yield* remove(person.token)).status, 204)
      const reply = yield* turn.reply
      assert.strictEqual(reply.status, 409, reply.text)
      yield* turn.letAnswer
      assert.deepStrictEqual(yield* rowsWith(traces), {})
    })
  )

  it.effect("waits for a turn that is just being written, and does not keep it from its end", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const person = yield* talker
      const deleted = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`UPDATE sessions SET lease_token = NULL WHERE session_id = ${person.session_id}`
          const deleted = yield* whenBlocked(remove(person.token))
          // As the foreign key of its usage asks for.
          yield* sql`SELECT FROM users WHERE id = ${person.id} FOR KEY SHARE`
          return deleted
        })
      )
      assert.strictEqual((yield* deleted).status, 204)
      assert.deepStrictEqual(yield* rowsWith([person.id, person.session_id]), {})
    })
  )
})

// A connection for each statement: else one that waits keeps others from being sent.
const separate = TestServer.layerWith({ database: TestDatabase.layerPool(10, false) })

layer(separate, { excludeTestServices: true })("an account that is deleted while a login is refreshed", (it) => {
  it.effect("waits for it, and neither fails", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { id, refresh_token, token } = yield* newcomer
      yield* sql`INSERT INTO refresh_tokens (token_hash, family_id, expires_at)
        SELECT 'expired', id, now() FROM login_families WHERE user_id = ${id}`
      const [refreshing, deleting] = yield* sql.withTransaction(
        Effect.gen(function* () {
          // The refresh has used its token when it comes to this one.
          yield* sql`SELECT FROM refresh_tokens WHERE token_hash = 'expired' FOR UPDATE`
          const refreshing = yield* whenBlocked(refreshed(refresh_token))
          const deleting = yield* Effect.forkDetach(remove(token))
          yield* untilWaiting(2, deleting)
          return [refreshing, deleting] as const
        })
      )
      assert.deepStrictEqual([yield* refreshing, (yield* Fiber.join(deleting)).status], [200, 204])
    })
  )
})
