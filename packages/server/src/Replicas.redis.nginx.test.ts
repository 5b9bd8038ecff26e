import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { readdirSync } from "node:fs"
import { send } from "../test/onePerConnection.ts"
import { Replicas } from "../test/Replicas.ts"
import * as SteadyLoad from "../test/steadyLoad.ts"
import { StubModel } from "../test/StubModel.ts"
import * as Reply from "../test/StubModelReply.ts"
import { listen, newcomer, startTurn } from "../test/TestChat.ts"
import { TestServer } from "../test/TestServer.ts"

// Four servers to start, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const settings = {
  SHUTDOWN_DELAY: "500 millis",
  SHUTDOWN_GRACE: "60 seconds",
  RATE_LIMIT_LOGIN: "10 per hour",
  BUSINESS_METRICS_INTERVAL: "500 millis"
}

/** What one of the servers tells a client that reaches it directly. */
const direct = Effect.map(Replicas, ({ servers }) => [servers[0].client, servers[1].client] as const)

const parts = Replicas.layerWith(settings).pipe(Layer.provideMerge(NodeServices.layer))

layer(parts, { excludeTestServices: true })("two servers on one database and one Redis, behind nginx,", (it) => {
  it.effect("have started at once on an empty database, and each migration was applied by one of them", () =>
    Effect.gen(function* () {
      const { bootLines } = yield* Replicas
      const sql = yield* SqlClient.SqlClient
      const files = readdirSync(new URL("Sql/migrations", import.meta.url)).length
      const rows = yield* sql`SELECT count(*)::integer AS count FROM schema_migrations`
      assert.deepStrictEqual(rows, [{ count: files }])
      assert.lengthOf(
        bootLines.filter((line) => line.includes("Applied migration ")),
        files
      )
    })
  )

  it.effect("count logins together", () =>
    Effect.gen(function* () {
      const servers = yield* direct
      const credentials = { email: `${randomUUID()}@example.com`, password: "Correct-horse-7" }
      assert.strictEqual((yield* servers[0].ask("POST", "/v1/auth/register", { body: credentials })).status, 201)
      const replies = yield* Effect.forEach(
        Array.from({ length: 14 }, (_, index) => servers[index % 2 === 0 ? 0 : 1]),
        ({ ask }) => ask("POST", "/v1/auth/login", { body: credentials }),
        { concurrency: 2 }
      )
      assert.deepStrictEqual(
        [200, 429].map((status) => replies.filter((reply) => reply.status === status).length),
        [10, 4]
      )
    })
  )

  it.effect("believe nginx, and nobody else, whose request it is", () =>
    Effect.gen(function* () {
      const { nginx, servers } = yield* Replicas
      const id = randomUUID()
      const forged = { "x-forwarded-for": "203.0.113.9" }
      const ask = (url: string, name: string) =>
        send(url, {
          method: "GET",
          path: "/",
          from: "127.0.0.3",
          headers: { ...forged, "x-request-id": `${name}-${id}` }
        })
      yield* ask(nginx.url, "through-nginx")
      yield* ask(servers[0].client.url, "past-nginx")
      const find = (name: string) =>
        Effect.sync(() => servers.flatMap(({ lines }) => lines.filter((line) => line.includes(`${name}-${id}`)))).pipe(
          Effect.repeat({ until: (lines) => lines.length > 0, schedule: Schedule.spaced(10) })
        )
      for (const name of ["through-nginx", "past-nginx"])
        assert.include((yield* find(name)).join("\n"), '"client_address":"127.0.0.3"')
    })
  )

  it.effect("run one of two turns that are sent to one session at once", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const servers = yield* direct
      const { session_id, token } = yield* newcomer
      const gate = yield* Deferred.make<void>()
      yield* stub.handle(() => Reply.text("Hello.", { beforeHeaders: Deferred.await(gate) }))
      const turns = yield* Effect.forEach(servers, ({ ask }) =>
        Effect.forkChild(
          ask("POST", "/v1/chat", { token, body: { session_id, content: "Hello" } }).pipe(
            Effect.tap(({ status }) => (status === 409 ? Deferred.succeed(gate, undefined) : Effect.void))
          )
        )
      )
      const statuses = (yield* Effect.forEach(turns, Fiber.join)).map(({ status }) => status)
      assert.deepStrictEqual(statuses.toSorted(), [200, 409])
      yield* stub.reset
    })
  )

  it.effect("cancel each other's turns", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const [here, there] = yield* direct
      const person = yield* newcomer
      const { call, reply } = yield* Effect.provideService(startTurn(person), TestServer, here)
      const cancelled = yield* there.ask("POST", `/v1/chat/sessions/${person.session_id}/cancel`, {
        token: person.token
      })
      assert.strictEqual(cancelled.status, 202)
      assert.strictEqual((yield* reply).status, 409)
      assert.strictEqual((yield* call.ended).by, "client")
    })
  )

  it.effect("refuse whom the other has logged out", () =>
    Effect.gen(function* () {
      const [here, there] = yield* direct
      const token = yield* (yield* TestServer).register
      assert.strictEqual((yield* here.ask("POST", "/v1/auth/logout", { token })).status, 204)
      // Of a login that it has seen within the last 30 s it would still think well: Logout.test.ts has that.
      assert.strictEqual((yield* there.ask("GET", "/v1/users/me", { token })).status, 401)
    })
  )

  it.effect("count what business wants to know one at a time, and show the same", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE counted (at timestamptz)`
      yield* sql`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO counted VALUES (NEW.counted_at); RETURN NEW; END'`
      yield* sql`CREATE TRIGGER note AFTER UPDATE ON business_metrics FOR EACH ROW EXECUTE FUNCTION note()`
      const rows = yield* sql<{ at: Date }>`SELECT at FROM counted ORDER BY at`.pipe(
        Effect.repeat({ until: (found) => found.length === 3, schedule: Schedule.spaced(50) })
      )
      const gaps = rows.slice(1).map(({ at }, index) => Number(at) - Number(rows[index]?.at))
      for (const gap of gaps) assert.isAtLeast(gap, 450)
      const countedAt = Effect.forEach(yield* direct, ({ ask }) =>
        Effect.map(ask("GET", "/metrics"), ({ text }) => /^business_metrics_\S*timestamp\S* (\S+)$/mu.exec(text)?.[1])
      )
      yield* Effect.repeat(countedAt, {
        until: ([one, other]) => one !== undefined && one === other,
        schedule: Schedule.spaced(20)
      })
    })
  )

  it.effect(
    "are replaced one after the other under load, and no request fails",
    () =>
      Effect.gen(function* () {
        const replicas = yield* Replicas
        const { nginx, replace } = replicas
        const stub = yield* StubModel
        yield* stub.reset
        const crowd = yield* Effect.replicateEffect(newcomer, 40)
        const streaming = yield* Effect.replicateEffect(newcomer, 4)

        const load = yield* SteadyLoad.start(nginx.url, crowd)
        for (const index of [0, 1] as const) {
          const gate = yield* Deferred.make<void>()
          yield* stub.handle(({ messages }) =>
            messages.at(-1)?.content === "Slowly"
              ? Reply.text("At last.", { afterChunks: { count: 1, stop: Deferred.await(gate) } })
              : Reply.text("Hello.")
          )
          const streams = yield* Effect.forEach(streaming, (listener) =>
            Effect.flatMap(listen(listener, "Slowly"), ({ events }) =>
              Effect.forkScoped(Effect.map(Stream.runCollect(events), (all) => all.at(-1)?.event))
            )
          )
          const { client } = replicas.servers[index]
          const draining = client
            .ask("GET", "/health/ready")
            .pipe(
              Effect.repeat({ until: ({ status }) => status === 503, schedule: Schedule.spaced(10) }),
              Effect.andThen(Deferred.succeed(gate, undefined)),
              Effect.asVoid
            )
          assert.deepStrictEqual(yield* replace(index, draining), { code: 0 })
          assert.deepStrictEqual(yield* Effect.forEach(streams, Fiber.join), ["done", "done", "done", "done"])
        }
        const { failures, ok, seconds, sent } = yield* load.stop
        yield* Effect.log(
          `Rolling restart: ${sent} sent in ${seconds.toFixed(1)} s, ${ok} ok, ${failures.length} failed`
        )
        assert.deepStrictEqual(failures, [])
        assert.isAbove(sent, 500)
      }),
    120_000
  )
})
