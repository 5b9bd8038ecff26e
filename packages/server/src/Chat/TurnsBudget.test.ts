import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as SqlWire from "../../test/SqlWire.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, listen, messages, newcomer, type Person, say, startTurn } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import usageMonths from "../Sql/migrations/0004_usage_months.ts"

const userOf = ({ session_id }: Person) =>
  Effect.map(SqlClient.SqlClient, (sql) => sql`(SELECT user_id FROM sessions WHERE session_id = ${session_id})`)

/** Lets a month have cost so much: `monthsAgo` 0 is this one. */
const spend = Effect.fnUntraced(function* (person: Person, euros: string, monthsAgo = 0) {
  const sql = yield* SqlClient.SqlClient
  const month = sql`(date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => ${monthsAgo}))::date`
  yield* sql`INSERT INTO usage_months (user_id, month, cost_eur)
    VALUES (${yield* userOf(person)}, ${month}, ${euros}::numeric)
    ON CONFLICT (user_id, month) DO UPDATE SET cost_eur = EXCLUDED.cost_eur`
})

/** When the next month begins, by the clock of the database, and the seconds until then. */
const nextMonth = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ resets_at: Date; seconds: number }>`
    SELECT resets_at, extract(epoch FROM resets_at - now())::float8 AS seconds
    FROM (SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC') r (resets_at)`
  return row ?? assert.fail("no row")
})

/** What the month has cost: as it is kept, and as its calls add up. */
const costs = Effect.fnUntraced(function* (person: Person) {
  const sql = yield* SqlClient.SqlClient
  const user = yield* userOf(person)
  const [row] = yield* sql<{ kept: string | null; added: string | null }>`
    SELECT (SELECT cost_eur FROM usage_months WHERE user_id = ${user}) AS kept,
      (SELECT sum(cost_eur) FROM usage WHERE user_id = ${user}) AS added`
  return row ?? assert.fail("no row")
})

const costly = { usage: { promptTokens: 1_000_000, completionTokens: 0 } }

const wire = SqlWire.make()
const settings = { USER_MONTHLY_LIMIT_EUR: "2.5", LLM_MAX_ATTEMPTS: "1" }

layer(TestServer.layerWith({ settings, database: wire.layer }), { excludeTestServices: true })("a budget", (it) => {
  for (const euros of ["2.5", "2.50000001", "1000"])
    it.effect(`of 2.5 lets nobody begin a turn who has spent ${euros}`, () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const person = yield* newcomer
        yield* spend(person, euros)
        const asked = (yield* stub.calls).length
        const { resets_at, seconds } = yield* nextMonth
        const refused = yield* say(person, "Hello")
        assert.strictEqual(refused.status, 429)
        const body = { detail: "Monthly budget exceeded", resets_at: resets_at.toISOString() }
        assert.deepStrictEqual(refused.json, body)
        assert.approximately(Number(refused.headers.get("retry-after")), seconds, 20)
        const { response } = yield* listen(person, "Hello")
        assert.strictEqual(response.status, 429)
        assert.deepStrictEqual(yield* Effect.promise(() => response.json()), body)
        assert.lengthOf(yield* stub.calls, asked)
        assert.isEmpty(yield* messages(person))
      })
    )

  it.effect("lets begin who has not spent it, this month", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      yield* spend(person, "2.49999999")
      yield* spend(person, "100", 1)
      yield* answer(person, "Hello")
    })
  )

  it.effect("is one's own", () =>
    Effect.gen(function* () {
      const [spender, other] = yield* Effect.all([newcomer, newcomer])
      yield* spend(spender, "3")
      yield* answer(other, "Hello")
    })
  )

  it.effect("is used up by turns, answered, failed and cancelled ones", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const server = yield* TestServer
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("One.", costly))
      yield* answer(person, "Hello")
      const first = yield* costs(person)
      assert.isAbove(Number(first.kept), 0)
      assert.strictEqual(first.kept, first.added)

      yield* stub.reset
      const turn = yield* startTurn(person)
      const path = `/v1/chat/sessions/${person.session_id}/cancel`
      yield* server.ask("POST", path, { token: person.token })
      yield* turn.reply
      yield* stub.enqueue(Reply.text("Two.", costly))
      yield* events(person, "Hello again")
      const second = yield* costs(person)
      assert.isAbove(Number(second.kept), 2 * Number(first.kept))
      assert.strictEqual(second.kept, second.added)
    })
  )

  it.effect("is exceeded by one turn at the most in a session", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* spend(person, "2.4999")
      yield* stub.enqueue(Reply.text("Costly.", costly))
      yield* answer(person, "Hello")
      assert.strictEqual((yield* say(person, "Hello")).status, 429)
    })
  )

  it.effect("does not keep an answer from whoever has it already", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const message_id = randomUUID()
      const first = yield* answer(person, "Hello", { message_id })
      yield* spend(person, "3")
      assert.deepStrictEqual(yield* answer(person, "Hello", { message_id }), first)
      assert.strictEqual((yield* say(person, "Hello", { message_id: randomUUID() })).status, 429)
      assert.strictEqual((yield* say(person, "Something else", { message_id })).status, 409)
    })
  )

  it.effect("is looked at in the statement that takes the lease", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      yield* spend(person, "3")
      yield* say(person, "the login has been checked, the statement is prepared")
      const { statements } = yield* wire.count(say(person, "Hello"))
      assert.strictEqual(statements, 1)
    })
  )

  it.effect("knows what months have cost that began before it was kept", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const sql = yield* SqlClient.SqlClient
      const person = yield* newcomer
      for (const text of ["One.", "Two."]) {
        yield* stub.enqueue(Reply.text(text, costly))
        yield* answer(person, "Hello")
      }
      const before = yield* costs(person)
      yield* sql`DROP TABLE usage_months`
      yield* usageMonths
      assert.deepStrictEqual(yield* costs(person), before)
    })
  )
})

const nothing = { USER_MONTHLY_LIMIT_EUR: "0" }

layer(TestServer.layerWith({ settings: nothing }), { excludeTestServices: true })("a budget of nothing", (it) => {
  it.effect("lets nobody begin a turn", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      assert.strictEqual((yield* say(person, "Hello")).status, 429)
    })
  )
})
