import { assert, layer } from "@effect/vitest"
import { Exported } from "@parley/domain/Export"
import { Effect, Exit, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as SqlWire from "../../test/SqlWire.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { loggedIn, me, newcomer } from "../../test/TestAccount.ts"
import * as TestChat from "../../test/TestChat.ts"
import { TestLog } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"

const ask = (token: string) => me("GET", token, undefined, "/export")

const decode = Schema.decodeUnknownEffect(Exported, { onExcessProperty: "error" })

const exported = Effect.fnUntraced(function* (token: string) {
  const reply = yield* ask(token)
  assert.strictEqual(reply.status, 200, reply.text)
  return { ...reply, document: yield* decode(reply.json) }
})

const counted = { usage: { promptTokens: 1000, completionTokens: 500 } }

layer(TestServer.layer, { excludeTestServices: true })("an export", (it) => {
  it.effect("has all that was said and spent, every login, and what the agent remembers", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const server = yield* TestServer
      const { email, token } = yield* newcomer
      const person = { token, session_id: yield* server.openSession(token) }
      yield* stub.handle(({ messages: [first] }) =>
        String(first?.content).startsWith("You keep the memory")
          ? Reply.text('They "counted".', counted)
          : Reply.text("And on.", counted)
      )
      for (let turn = 1; turn <= 9; turn++) yield* TestChat.answer(person, `question ${turn}`)
      const empty = yield* server.openSession(token)
      yield* loggedIn(email)
      yield* server.ask("POST", "/v1/auth/logout", { token: (yield* loggedIn(email)).access_token })

      const { document, headers, text } = yield* exported(token)
      assert.strictEqual(headers.get("content-type"), "application/json")
      assert.strictEqual(headers.get("content-disposition"), 'attachment; filename="parley-export.json"')
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.strictEqual(document.user.email, email)
      assert.deepStrictEqual(
        document.logins.map(({ revoked_at }) => revoked_at === null),
        [true, true, false]
      )
      assert.deepStrictEqual(
        document.sessions.map(({ session_id, summary }) => [session_id, summary]),
        [
          [empty, null],
          [person.session_id, 'They "counted".']
        ]
      )
      assert.deepStrictEqual(document.sessions[0]?.messages, [])
      assert.deepStrictEqual(document.sessions[1]?.messages, yield* TestChat.messages(person))
      assert.lengthOf(document.usage, 10)
      for (const call of document.usage) assert.deepInclude(call, { input_tokens: 1000, output_tokens: 500 })
      assert.notInclude(text, "$2b$")
    })
  )

  it.effect("of an account with nothing in it is whole, too", () =>
    Effect.gen(function* () {
      const { document } = yield* exported((yield* newcomer).token)
      assert.deepInclude(document, { sessions: [], usage: [] })
      assert.lengthOf(document.logins, 1)
    })
  )

  it.effect("has nothing of anybody else", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const [person, other] = [yield* newcomer, yield* newcomer]
      yield* TestChat.answer({ token: other.token, session_id: yield* server.openSession(other.token) }, "Mine")
      const { document } = yield* exported(person.token)
      assert.deepInclude(document, { sessions: [], usage: [] })
    })
  )

  it.effect("has each thing once, however many pages it takes to read them", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const server = yield* TestServer
      const { id, token } = yield* newcomer
      const session_id = yield* server.openSession(token)
      yield* sql`INSERT INTO messages (session_id, id, role, content, timestamp)
        SELECT ${session_id}, gen_random_uuid(), 'user', n::text, now() FROM generate_series(1, 300) n`
      yield* sql`INSERT INTO sessions (session_id, user_id, created_at)
        SELECT gen_random_uuid(), ${id}, date_trunc('second', now()) FROM generate_series(1, 250)`
      // In three groups of the same microsecond.
      yield* sql`INSERT INTO usage (user_id, model, input_tokens, output_tokens, cost_eur, created_at)
        SELECT ${id}, 'm', n, 0, 0, now() + n / 90 * interval '1 microsecond' FROM generate_series(1, 250) n`
      yield* sql`WITH made AS (
          INSERT INTO login_families (id, user_id) SELECT gen_random_uuid(), ${id} FROM generate_series(1, 250)
          RETURNING id
        )
        INSERT INTO refresh_tokens (token_hash, family_id, expires_at) SELECT uuid_send(id), id, now() FROM made`
      const { document } = yield* exported(token)
      const numbers = (length: number) => Array.from({ length }, (_, index) => index + 1)
      const talked = document.sessions.find((session) => session.session_id === session_id)
      assert.deepStrictEqual(
        talked?.messages.map(({ content }) => Number(content)),
        numbers(300)
      )
      assert.deepStrictEqual(
        document.usage.map(({ input_tokens }) => input_tokens),
        numbers(250)
      )
      for (const ids of [
        new Set<string>(document.sessions.map((session) => session.session_id)),
        new Set<string>(document.logins.map((login) => login.id))
      ])
        assert.strictEqual(ids.size, 251)
      assert.deepStrictEqual([document.sessions.length, document.logins.length], [251, 251])
    })
  )

  it.effect("that fails in the middle does not pass for a whole one", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { token } = yield* newcomer
      yield* exported(token)
      yield* sql`ALTER TABLE usage RENAME TO gone`
      const cut = yield* Effect.exit(ask(token)).pipe(
        Effect.ensuring(Effect.orDie(sql`ALTER TABLE gone RENAME TO usage`))
      )
      assert.isTrue(Exit.isFailure(cut), "the connection ends before the document does")
      const { lines } = yield* TestLog
      assert.lengthOf(
        lines.filter((line) => line.includes("Unexpected failure") && line.includes("usage")),
        1
      )
    })
  )

  it.effect("is given to nobody without a token", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      assert.strictEqual((yield* server.ask("GET", "/v1/users/me/export")).status, 401)
    })
  )
})

const wire = SqlWire.make()

layer(TestServer.layerWith({ database: wire.layer }), { excludeTestServices: true })("a large export", (it) => {
  const messages = 100_000

  it.effect(
    "is read from the database no faster than by whoever wants it, and holds no transaction meanwhile",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const server = yield* TestServer
        const { token } = yield* newcomer
        const session_id = yield* server.openSession(token)
        yield* sql`INSERT INTO messages (session_id, id, role, content, timestamp)
        SELECT ${session_id}, gen_random_uuid(), 'user', repeat('x', 200), now() FROM generate_series(1, ${messages}) n`

        const { body } = yield* server.fetch("GET", "/v1/users/me/export", { token })
        const reader = (body ?? assert.fail("no body")).getReader()
        const read = Effect.promise(() => reader.read())
        yield* read
        // Nobody reads now. It is at a standstill when the server does all else and nothing of it.
        const pings = Effect.forEach(Array.from({ length: 20 }), () => server.ask("GET", "/health/live"), {
          discard: true
        })
        const standstill = wire.count(pings).pipe(Effect.repeat({ until: ({ statements }) => statements === 0 }))
        const { statements } = yield* wire.count(standstill)
        assert.isBelow(statements, messages / 100 / 2)
        const held = yield* sql`SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'`
        assert.lengthOf(held, 0)

        const mark = '"role":"user"'
        let found = 0
        let tail = ""
        while (true) {
          const { done, value } = yield* read
          if (done) break
          const text = tail + Buffer.from(value).toString("latin1")
          found += text.split(mark).length - 1
          // Too short to have a whole mark in it, which would be counted twice.
          tail = text.slice(1 - mark.length)
        }
        assert.strictEqual(found, messages)
        assert.isTrue(tail.endsWith("}"), tail)
      }),
    60_000
  )
})
