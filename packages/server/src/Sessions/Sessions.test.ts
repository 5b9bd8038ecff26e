import { assert, layer } from "@effect/vitest"
import { Session, SessionPage } from "@parley/domain/Sessions"
import { Array, Effect, Option, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { parrot } from "../../test/Parrot.ts"
import { answer, messages, newcomer, type Person, sessions as ask } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const decodeSession = Schema.decodeUnknownEffect(Session)
const decodePage = Schema.decodeUnknownEffect(SessionPage)
const encodeCursor = Schema.encodeEffect(SessionPage.fields.next_cursor)

const unknownId = "0199c0de-0000-7000-8000-000000000009"
const notFound = { detail: "Session not found" }

const create = Effect.fnUntraced(function* (token: string, name?: string) {
  const reply = yield* ask("POST", "", token, name === undefined ? {} : { name })
  assert.strictEqual(reply.status, 201, reply.text)
  return yield* decodeSession(reply.json)
})

const page = Effect.fnUntraced(function* (token: string, query: string) {
  const reply = yield* ask("GET", query, token)
  assert.strictEqual(reply.status, 200, reply.text)
  return yield* decodePage(reply.json)
})

const get = ({ session_id, token }: Person) => ask("GET", `/${session_id}`, token)

/** The sizes of the pages of `limit`, and all their items. */
const pages = Effect.fnUntraced(function* (token: string, limit: number) {
  const all = yield* Stream.runCollect(
    Stream.paginate(
      "",
      Effect.fnUntraced(function* (after: string) {
        const { items, next_cursor } = yield* page(token, `?limit=${limit}${after}`)
        const next = Option.fromNullOr(yield* encodeCursor(next_cursor))
        return [[items], Option.map(next, (cursor) => `&cursor=${cursor}`)] as const
      })
    )
  )
  return { sizes: all.map((items) => items.length), items: all.flat() }
})

layer(TestServer.layerWith({ agent: parrot }), { excludeTestServices: true })("sessions", (it) => {
  it.effect("are opened with a name or without, read, renamed and deleted", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const named = yield* create(token, "  Holiday plans ")
      assert.strictEqual(named.name, "Holiday plans")
      assert.strictEqual((yield* create(token)).name, "")
      const path = `/${named.session_id}`
      assert.deepStrictEqual(yield* decodeSession((yield* ask("GET", path, token)).json), named)
      const renamed = yield* ask("PATCH", path, token, { name: "o'Brien & <b>R&D</b>" })
      assert.strictEqual(renamed.status, 200)
      assert.deepStrictEqual(yield* decodeSession(renamed.json), { ...named, name: "o'Brien & <b>R&D</b>" })
      const deleted = yield* ask("DELETE", path, token)
      assert.deepStrictEqual([deleted.status, deleted.text], [204, ""])
      assert.strictEqual((yield* ask("GET", path, token)).status, 404)
      assert.strictEqual((yield* ask("DELETE", path, token)).status, 404)
    })
  )

  it.effect.each([
    ["empty", "", "Name must have between 1 and 100 characters"],
    ["blank", " \t\n ", "Name must have between 1 and 100 characters"],
    ["of 101 characters", "x".repeat(101), "Name must have between 1 and 100 characters"],
    ["a number", 7, "Name must be a string"],
    ["with a control character", "a\u0007b", "Must not contain control characters or broken Unicode"]
  ] as const)("refuse a name that is %s", ([, name, message]) =>
    Effect.gen(function* () {
      const { session_id, token } = yield* newcomer
      for (const [method, path] of [
        ["POST", ""],
        ["PATCH", `/${session_id}`]
      ] as const) {
        const reply = yield* ask(method, path, token, { name })
        assert.strictEqual(reply.status, 422)
        assert.deepStrictEqual(reply.json, { detail: "Validation error", errors: [{ field: "name", message }] })
      }
    })
  )

  it.effect("count the characters of a name as people do, not as UTF-16 does", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      assert.strictEqual((yield* create(token, "😀".repeat(100))).name, "😀".repeat(100))
    })
  )

  it.effect("refuse a misspelt field", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const reply = yield* ask("POST", "", token, { nmae: "x" })
      assert.deepStrictEqual(reply.json, {
        detail: "Validation error",
        errors: [{ field: "nmae", message: "Unknown field" }]
      })
    })
  )

  it.effect("are not there for anybody else, at any endpoint, and nothing is changed", () =>
    Effect.gen(function* () {
      const owner = yield* newcomer
      yield* answer(owner, "mine")
      const { token } = yield* newcomer
      for (const id of [owner.session_id, unknownId]) {
        for (const [method, path, body] of [
          ["GET", `/${id}`, undefined],
          ["PATCH", `/${id}`, { name: "stolen" }],
          ["DELETE", `/${id}`, undefined],
          ["GET", `/${id}/messages`, undefined],
          ["DELETE", `/${id}/messages`, undefined],
          ["POST", `/${id}/cancel`, undefined]
        ] as const) {
          const reply = yield* ask(method, path, token, body)
          assert.deepStrictEqual([reply.status, reply.json], [404, notFound], `${method} ${path}`)
        }
        const server = yield* TestServer
        for (const path of ["/v1/chat", "/v1/chat/stream"]) {
          const reply = yield* server.ask("POST", path, { token, body: { session_id: id, content: "let me in" } })
          assert.deepStrictEqual([reply.status, reply.json], [404, notFound], path)
        }
      }
      assert.strictEqual((yield* decodeSession((yield* get(owner)).json)).name, "mine")
      assert.strictEqual((yield* messages(owner)).length, 2)
    })
  )

  it.effect("are listed newest first, in pages, each once, however many share a moment", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const stranger = yield* newcomer
      const sql = yield* SqlClient.SqlClient
      // Runs of seven with the same timestamp, so that pages of 10, 20 and 100 all end within one.
      yield* sql`
        INSERT INTO sessions (session_id, user_id, name, created_at)
        SELECT gen_random_uuid(), s.user_id, 'n' || i, s.created_at - make_interval(secs => 1 + i / 7)
        FROM sessions s, generate_series(0, 248) AS i
        WHERE s.user_id = (SELECT user_id FROM sessions WHERE session_id = ${(yield* page(token, "")).items[0]?.session_id ?? ""})`
      for (const [limit, sizes] of [
        [100, [100, 100, 50]],
        [20, Array.makeBy(13, (index) => (index < 12 ? 20 : 10))],
        [50, Array.makeBy(5, () => 50)]
      ] as const) {
        const listed = yield* pages(token, limit)
        assert.deepStrictEqual(listed.sizes, [...sizes])
        assert.strictEqual(new Set(listed.items.map((session) => session.session_id)).size, 250)
        const keys = listed.items.map(({ created_at, session_id }) => `${created_at.epochMilliseconds} ${session_id}`)
        assert.deepStrictEqual(keys, keys.toSorted().toReversed())
      }
      assert.strictEqual((yield* page(token, "")).items.length, 20)
      assert.deepStrictEqual(
        (yield* page(stranger.token, "")).items.map((session) => session.session_id),
        [stranger.session_id]
      )
    })
  )

  it.effect("opened while somebody pages neither repeat nor hide others", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const opened = yield* Effect.forEach(["a", "b", "c"], (name) => create(token, name))
      const first = yield* page(token, "?limit=2")
      yield* create(token, "late")
      const rest = yield* page(token, `?limit=100&cursor=${yield* encodeCursor(first.next_cursor)}`)
      const ids = [...first.items, ...rest.items].map((session) => session.session_id)
      assert.strictEqual(new Set(ids).size, 4)
      assert.includeMembers(
        ids,
        opened.map((session) => session.session_id)
      )
      assert.isNull(rest.next_cursor)
    })
  )

  it.effect.each(["limit=0", "limit=101", "limit=1.5", "limit=ten", "limit=", "cursor=nonsense", "cursor="])(
    "refuse to be listed by %s",
    (query) =>
      Effect.gen(function* () {
        const { session_id, token } = yield* newcomer
        for (const path of [`?${query}`, `/${session_id}/messages?${query}`]) {
          const reply = yield* ask("GET", path, token)
          assert.strictEqual(reply.status, 422, path)
          const [field = ""] = query.split("=")
          const message = field === "limit" ? "Must be a whole number from 1 to 100" : "Must be a cursor of this list"
          assert.deepStrictEqual(reply.json, { detail: "Validation error", errors: [{ field, message }] })
        }
      })
  )

  it.effect("take their name from the first message, and keep one they were given", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      yield* answer(person, "What is the capital of France, and how many people live there?")
      const name = Effect.map(get(person), ({ json }) => json)
      assert.deepInclude(yield* name, { name: "What is the capital of France, and how" })
      yield* answer(person, "And of Spain?")
      assert.deepInclude(yield* name, { name: "What is the capital of France, and how" })
      yield* ask("PATCH", `/${person.session_id}`, person.token, { name: "Capitals" })
      yield* answer(person, "And of Italy?")
      assert.deepInclude(yield* name, { name: "Capitals" })
      const { session_id } = yield* create(person.token, "Given")
      yield* answer({ ...person, session_id }, "Hello")
      assert.deepInclude((yield* ask("GET", `/${session_id}`, person.token)).json, { name: "Given" })
    })
  )
})
