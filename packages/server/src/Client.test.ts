import { assert, layer } from "@effect/vitest"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import * as Client from "@parley/domain/Client"
import { Email } from "@parley/domain/Users"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestServer } from "../test/TestServer.ts"

/** The client that comes with the contract. */
const connect = Effect.gen(function* () {
  const { url } = yield* TestServer
  return yield* Effect.provide(Client.make({ baseUrl: url }), FetchHttpClient.layer)
})

const credentials = { email: Email.make("ada@example.com"), password: Redacted.make("Correct-horse-7") }

layer(TestServer.layer, { excludeTestServices: true })("the typed client", (it) => {
  it.effect("can do what the contract says, and is told its errors by name", () =>
    Effect.gen(function* () {
      const { api: client, login, logout } = yield* connect
      const registered = yield* client.auth.register({ payload: credentials })
      assert.strictEqual(registered.user.email, "ada@example.com")
      const taken = yield* Effect.flip(client.auth.register({ payload: credentials }))
      assert.strictEqual(taken._tag, "EmailTaken")

      const stranger = yield* Effect.flip(client.users.me({}))
      assert.strictEqual(stranger._tag, "Unauthorized")
      yield* login(credentials)
      const me = yield* client.users.me({})
      assert.deepStrictEqual(me, registered.user)

      const session = yield* client.sessions.create({ payload: { name: "Plans" } })
      const nobodys = SessionId.make("0199c0de-0000-7000-8000-000000000009")
      const missing = yield* Effect.flip(client.sessions.get({ params: { session_id: nobodys } }))
      assert.strictEqual(missing._tag, "SessionNotFound")

      const message_id = MessageId.make("0199c0de-0000-7000-8000-000000000003")
      const question = { session_id: session.session_id, message_id }
      const answer = yield* client.chat.send({ payload: { ...question, content: "Hello" } })
      assert.strictEqual(answer.message.role, "assistant")
      const reused = yield* Effect.flip(client.chat.send({ payload: { ...question, content: "Something else" } }))
      assert.strictEqual(reused._tag, "MessageIdReused")
      const idle = yield* Effect.flip(client.chat.cancel({ params: { session_id: session.session_id } }))
      assert.strictEqual(idle._tag, "NoTurnRunning")

      const page = yield* client.sessions.messages({ params: { session_id: session.session_id }, query: { limit: 1 } })
      assert.lengthOf(page.items, 1)
      const cursor = page.next_cursor ?? assert.fail("there is more")
      const rest = yield* client.sessions.messages({ params: { session_id: session.session_id }, query: { cursor } })
      assert.deepStrictEqual(
        rest.items.map(({ id }) => id),
        [answer.message.id]
      )

      const event = { id: "evt_1", type: "charge.succeeded", created: 0, data: {} }
      const off = yield* Effect.flip(client.billing.stripe({ headers: {}, payload: event }))
      assert.strictEqual(off._tag, "WebhookOff")

      yield* logout
      assert.strictEqual((yield* Effect.flip(client.users.me({})))._tag, "Unauthorized")
    })
  )
})
