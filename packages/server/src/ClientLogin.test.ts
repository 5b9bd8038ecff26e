import { assert, expect, layer } from "@effect/vitest"
import * as Client from "@parley/domain/Client"
import type { Tokens } from "@parley/domain/Auth"
import { SessionId } from "@parley/domain/Sessions"
import { Email } from "@parley/domain/Users"
import { DateTime, Deferred, Effect, Fiber, Layer, Option, Redacted, Ref, Stream } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { StubModel } from "../test/StubModel.ts"
import * as Reply from "../test/StubModelReply.ts"
import { TestServer } from "../test/TestServer.ts"

const credentials = () => ({
  email: Email.make(`${randomUUID()}@example.com`),
  password: Redacted.make("Correct-horse-7")
})

/** A client, how often it exchanged its tokens, and each pair of tokens that it was to keep. An exchange waits for `gate`. */
const connect = Effect.fnUntraced(function* (tokens?: Tokens, gate: Effect.Effect<void> = Effect.void) {
  const { url } = yield* TestServer
  const asked: Array<string> = []
  const kept = yield* Ref.make<ReadonlyArray<Option.Option<Tokens>>>([])
  const http = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(
      HttpClient.HttpClient,
      HttpClient.mapRequestEffect((request) => {
        asked.push(request.url)
        return Effect.as(request.url.endsWith("/refresh") ? gate : Effect.void, request)
      })
    )
  ).pipe(Layer.provide(FetchHttpClient.layer))
  const client = yield* Effect.provide(
    Client.make({
      baseUrl: url,
      onTokens: (tokens) => Ref.update(kept, (before) => [...before, tokens]),
      ...(tokens === undefined ? {} : { tokens })
    }),
    http
  )
  const refreshes = () => asked.filter((path) => path.endsWith("/refresh")).length
  return { ...client, refreshes, kept: Ref.get(kept) }
})

/** A pair of which only the refresh token is good: for the server, or also by what it says. */
const spoilt = (tokens: Tokens, isExpired: boolean): Tokens => ({
  ...tokens,
  access_token: "spoilt",
  ...(isExpired ? { expires_at: DateTime.makeUnsafe(0) } : {})
})

const loggedIn = Effect.gen(function* () {
  const client = yield* connect()
  const who = credentials()
  const tokens = yield* client.register(who)
  return { client, who, tokens }
})

layer(TestServer.layer, { excludeTestServices: true })("a login of the client", (it) => {
  it.effect.each([
    ["is expired", true],
    ["is refused", false]
  ] as const)("that %s is refreshed once, however many requests find it so", ([, isExpired]) =>
    Effect.gen(function* () {
      const { tokens } = yield* loggedIn
      const { api, kept, refreshes } = yield* connect(spoilt(tokens, isExpired))
      const all = yield* Effect.all(
        Array.from({ length: 20 }, () => api.users.me({})),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(all, 20)
      assert.strictEqual(refreshes(), 1)
      const [pair, ...more] = yield* kept
      assert.isEmpty(more)
      assert.notStrictEqual(Option.getOrThrow(pair ?? Option.none()).refresh_token, tokens.refresh_token)
      yield* api.users.me({})
      assert.strictEqual(refreshes(), 1)
    })
  )

  it.effect("has ended when it cannot be refreshed, and is not tried again", () =>
    Effect.gen(function* () {
      const { client, tokens } = yield* loggedIn
      yield* client.logout
      const other = yield* connect(spoilt(tokens, false))
      for (let request = 0; request < 2; request++) {
        assert.strictEqual((yield* Effect.flip(other.api.users.me({})))._tag, "Unauthorized")
      }
      assert.strictEqual(other.refreshes(), 1)
      assert.deepStrictEqual([yield* other.kept, yield* other.tokens], [[Option.none()], Option.none()])
    })
  )

  it.effect("is kept when whoever wanted it has gone meanwhile", () =>
    Effect.gen(function* () {
      const { tokens } = yield* loggedIn
      const sql = yield* SqlClient.SqlClient
      const { api, kept, refreshes } = yield* connect(spoilt(tokens, true))
      const locked = yield* Deferred.make<void>()
      const gone = yield* Deferred.make<void>()
      // The exchange waits for its table.
      const holding = yield* Effect.forkChild(
        sql.withTransaction(
          sql`LOCK TABLE refresh_tokens IN ACCESS EXCLUSIVE MODE`.pipe(
            Effect.andThen(Deferred.succeed(locked, undefined)),
            Effect.andThen(Deferred.await(gone))
          )
        )
      )
      yield* Deferred.await(locked)
      const asking = yield* Effect.forkChild(api.users.me({}))
      yield* Effect.repeat(Effect.yieldNow, { until: () => refreshes() === 1 })
      yield* Fiber.interrupt(asking)
      yield* Deferred.succeed(gone, undefined)
      yield* Fiber.join(holding)
      yield* api.users.me({})
      assert.strictEqual(refreshes(), 1)
      assert.lengthOf(yield* kept, 1)
    })
  )

  it.effect("that is made while an old one is refreshed stays", () =>
    Effect.gen(function* () {
      const { tokens, who } = yield* loggedIn
      const gate = yield* Deferred.make<void>()
      const client = yield* connect(spoilt(tokens, true), Deferred.await(gate))
      const asking = yield* Effect.forkChild(client.api.users.me({}))
      yield* Effect.repeat(Effect.yieldNow, { until: () => client.refreshes() === 1 })
      const made = yield* client.login(who)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(asking)
      assert.deepStrictEqual(yield* client.tokens, Option.some(made))
      assert.deepStrictEqual(yield* client.kept, [Option.some(made)])
    })
  )

  it.effect("is ended here and there", () =>
    Effect.gen(function* () {
      const { client, tokens } = yield* loggedIn
      yield* client.logout
      assert.deepStrictEqual(yield* client.tokens, Option.none())
      const other = yield* connect(tokens)
      assert.strictEqual((yield* Effect.flip(other.api.users.me({})))._tag, "Unauthorized")
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a chat of the client", (it) => {
  it.effect("is a stream of events, which refreshes the login as any request", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const { client, tokens } = yield* loggedIn
      const { session_id } = yield* client.api.sessions.create({ payload: {} })
      yield* stub.enqueue(Reply.toolCalls([{ name: "current_time", arguments: {} }]), Reply.text(["It is ", "noon."]))
      const { chat, refreshes } = yield* connect(spoilt(tokens, false))
      const events = yield* Stream.runCollect(chat({ session_id, content: "What time is it?" }))
      assert.strictEqual(refreshes(), 1)
      expect(events).toMatchObject([
        { event: "tool", data: { name: "current_time", status: "started" } },
        { event: "tool", data: { status: "finished" } },
        { event: "token", data: { content: "It is " } },
        { event: "token", data: { content: "noon." } },
        { event: "done", data: { message: { content: "It is noon." } } }
      ])
      yield* stub.handle(() => Reply.text("one two", { afterChunks: { count: 1, stop: "cut" } }))
      const broken = yield* Stream.runCollect(chat({ session_id, content: "Again" }))
      yield* stub.reset
      expect(broken.at(-1)).toMatchObject({ event: "error", data: { status: 503 } })
      const nobodys = SessionId.make(randomUUID())
      const missing = yield* Effect.flip(Stream.runDrain(chat({ session_id: nobodys, content: "Hello" })))
      assert.strictEqual(missing._tag, "SessionNotFound")
    })
  )

  it.effect("is cancelled when nobody reads it any longer", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const { client } = yield* loggedIn
      const { session_id } = yield* client.api.sessions.create({ payload: {} })
      yield* stub.reset
      yield* stub.enqueue(Reply.text("one two three", { afterChunks: { count: 2, stop: "hang" } }))
      const first = yield* Stream.runHead(client.chat({ session_id, content: "Slowly" }))
      expect(first).toMatchObject({ value: { event: "token" } })
      assert.strictEqual((yield* (yield* stub.nextCall).ended).by, "client")
      const { items } = yield* client.api.sessions.messages({ params: { session_id }, query: {} })
      assert.isEmpty(items)
    })
  )
})
