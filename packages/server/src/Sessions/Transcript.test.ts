import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { parrot } from "../../test/Parrot.ts"
import { answer, messages, newcomer, type Person, say, sessions as ask, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const decodeMessages = Schema.decodeUnknownEffect(
  Schema.Struct({
    items: Schema.Array(Schema.Struct({ id: Schema.String })),
    next_cursor: Schema.NullOr(Schema.String)
  })
)

const count = (value: unknown) => Number(value)

const left = Effect.fnUntraced(function* ({ session_id }: Person) {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<Record<string, unknown>>`SELECT
    (SELECT count(*) FROM messages WHERE session_id = ${session_id}) AS messages,
    (SELECT count(*) FROM usage WHERE session_id = ${session_id}) AS usage,
    (SELECT count(*) FROM checkpoints WHERE thread_id = ${session_id}) AS checkpoints,
    (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = ${session_id}) AS blobs,
    (SELECT count(*) FROM checkpoint_writes WHERE thread_id = ${session_id}) AS writes`
  const memory = count(row?.["checkpoints"]) + count(row?.["blobs"]) + count(row?.["writes"])
  return { messages: count(row?.["messages"]), memory, usage: count(row?.["usage"]) }
})

const checkpoints = (person: Person) => Effect.map(left(person), ({ memory }) => memory)

layer(TestServer.layerWith({ agent: parrot }), { excludeTestServices: true })("sessions", (it) => {
  it.effect("give their messages oldest first, in pages", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      for (const content of ["one", "two", "three"]) yield* answer(person, content)
      assert.deepStrictEqual(
        yield* transcript(person),
        ["one", "two", "three"].flatMap((content) => [["user", content] as const, ["assistant", content] as const])
      )
      const path = `/${person.session_id}/messages?limit=4`
      const first = yield* decodeMessages((yield* ask("GET", path, person.token)).json)
      const last = yield* decodeMessages((yield* ask("GET", `${path}&cursor=${first.next_cursor}`, person.token)).json)
      assert.deepStrictEqual([first.items.length, last.items.length, last.next_cursor], [4, 2, null])
      const seen = [...first.items, ...last.items].map((message) => message.id)
      assert.deepStrictEqual(
        seen,
        (yield* messages(person)).map((message) => message.id)
      )
    })
  )

  it.effect("cleared have no messages and no memory, but stay", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const other = { ...person, session_id: yield* (yield* TestServer).openSession(person.token) }
      yield* answer(person, "forget me")
      yield* answer(other, "keep me")
      assert.strictEqual(yield* checkpoints(person), 1)
      const cleared = yield* ask("DELETE", `/${person.session_id}/messages`, person.token)
      assert.deepStrictEqual([cleared.status, cleared.text], [204, ""])
      assert.deepStrictEqual(yield* transcript(person), [])
      assert.strictEqual(yield* checkpoints(person), 0)
      assert.strictEqual((yield* ask("GET", `/${person.session_id}`, person.token)).status, 200)
      assert.deepStrictEqual([(yield* messages(other)).length, yield* checkpoints(other)], [2, 1])
      yield* answer(person, "again")
      assert.strictEqual((yield* messages(person)).length, 2)
    })
  )

  it.effect("deleted leave neither messages nor memory, only what they cost", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      yield* answer(person, "forget me")
      yield* ask("DELETE", `/${person.session_id}`, person.token)
      assert.deepStrictEqual(yield* left(person), { messages: 0, memory: 0, usage: 1 })
      assert.strictEqual((yield* ask("GET", `/${person.session_id}/messages`, person.token)).status, 404)
      assert.strictEqual((yield* say(person, "hello?")).status, 404)
    })
  )

  it.effect("leave nothing at all behind an account that goes", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      yield* answer(person, "forget me")
      const sql = yield* SqlClient.SqlClient
      yield* sql`DELETE FROM users WHERE id = (SELECT user_id FROM sessions WHERE session_id = ${person.session_id})`
      assert.deepStrictEqual(yield* left(person), { messages: 0, memory: 0, usage: 0 })
    })
  )

  it.effect("are one session however their id is written", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const shouting = { ...person, session_id: person.session_id.toUpperCase() }
      const said = yield* answer(shouting, "hello")
      assert.strictEqual(said.session_id, person.session_id)
      assert.deepStrictEqual([(yield* messages(person)).length, yield* checkpoints(person)], [2, 1])
      yield* ask("DELETE", `/${shouting.session_id}`, person.token)
      assert.deepStrictEqual(yield* left(person), { messages: 0, memory: 0, usage: 1 })
      assert.deepStrictEqual(yield* left(shouting), { messages: 0, memory: 0, usage: 1 })
    })
  )
})
