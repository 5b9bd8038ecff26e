import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { TestServer } from "../../test/TestServer.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestLog from "../../test/TestLog.ts"
import * as Wire from "../../test/Wire.ts"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Health } from "./Health.ts"

/** What the next probe is told that asks anew. */
const readiness = Effect.gen(function* () {
  yield* TestClock.adjust("1 second")
  return yield* (yield* Health).readiness
})

for (const [how, lose, database] of [
  ["is cut off", "cut", Wire.layerDatabase],
  ["does not answer", "freeze", Wire.layerDatabase],
  ["does not answer through a pooler", "freeze", Wire.layerDatabaseUnprepared]
] as const)
  layer(Health.layer.pipe(Layer.provide(Shutdown.layer), Layer.provideMerge(Layer.merge(database, Wire.layer))))(
    `readiness, when the database ${how},`,
    (it) => {
      // The driver itself would wait five seconds of real time for a statement that it gives up.
      it.effect(
        "is lost within a second and what a probe waits, and comes back",
        () =>
          Effect.gen(function* () {
            const wire = yield* Wire.Wire
            const health = yield* Health
            assert.strictEqual(yield* health.readiness, "ready")
            yield* wire[lose]
            assert.strictEqual(yield* health.readiness, "ready", "asked once a second, however many probes there are")
            yield* TestClock.adjust("1 second")
            const probe = yield* Effect.forkChild(health.readiness, { startImmediately: true })
            yield* TestClock.adjust("2 seconds")
            assert.strictEqual(yield* Fiber.join(probe), "The database is not reachable")
            assert.deepStrictEqual(yield* health.components, { api: "healthy", database: "unhealthy" })
            yield* wire.cut
            yield* wire.mend
            assert.strictEqual(yield* readiness, "ready")
            assert.deepStrictEqual(yield* health.components, { api: "healthy", database: "healthy" })
          }),
        4_900
      )
    }
  )

layer(Health.layer.pipe(Layer.provide(Shutdown.layer), Layer.provideMerge(TestDatabase.layer)))("readiness", (it) => {
  it.effect("waits for the schema to be current, and then does not mind that others migrate", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [newest] = yield* sql<{ migration_id: number }>`
        DELETE FROM schema_migrations WHERE migration_id = (SELECT max(migration_id) FROM schema_migrations)
        RETURNING migration_id`
      assert.strictEqual(yield* readiness, "The schema is not current")
      yield* sql`INSERT INTO schema_migrations ${sql.insert({ migration_id: newest?.migration_id, name: "again" })}`
      assert.strictEqual(yield* readiness, "ready")

      const [locked, done] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const migration = yield* sql`LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE`.pipe(
        Effect.andThen(Deferred.succeed(locked, undefined)),
        Effect.andThen(Deferred.await(done)),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(locked)
      assert.strictEqual(yield* readiness, "ready")
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(migration)
    })
  )
})

const Server = Layer.merge(TestServer.layerWith({ database: Wire.layerDatabase }), Wire.layer)

layer(Server, { excludeTestServices: true })("a server whose database is gone", (it) => {
  it.effect("lives, is not ready, and says so of itself in the shapes of the contract", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { lines } = yield* TestLog.TestLog
      const wire = yield* Wire.Wire
      const token = yield* server.register
      const session_id = yield* server.openSession(token)
      assert.strictEqual((yield* server.ask("GET", "/v1/users/me", { token })).status, 200)
      yield* wire.cut

      const live = yield* server.ask("GET", "/health/live")
      assert.deepStrictEqual([live.status, live.json], [200, { status: "live" }])
      const root = yield* server.ask("GET", "/")
      assert.strictEqual(root.status, 200)

      const ready = yield* server.ask("GET", "/health/ready")
      assert.deepStrictEqual([ready.status, ready.json], [503, { detail: "The database is not reachable" }])
      const health = yield* server.ask("GET", "/health")
      assert.strictEqual(health.status, 503)
      assert.deepInclude(health.json, { status: "degraded", components: { api: "healthy", database: "unhealthy" } })

      const credentials = { email: "somebody@example.com", password: "Correct-horse-7" }
      const asked = [
        yield* server.ask("POST", "/v1/auth/register", { body: credentials }),
        yield* server.ask("POST", "/v1/auth/login", { body: credentials }),
        yield* server.ask("POST", "/v1/auth/refresh", { body: { refresh_token: "a".repeat(43) } }),
        yield* server.ask("POST", "/v1/auth/logout", { token }),
        yield* server.ask("GET", "/v1/users/me", { token }),
        yield* server.ask("GET", "/v1/chat/sessions", { token }),
        yield* server.ask("POST", "/v1/chat", { token, body: { session_id, content: "Hello" } }),
        yield* server.ask("POST", "/v1/chat/stream", { token, body: { session_id, content: "Hello" } })
      ]
      for (const { headers, status, text } of asked) {
        assert.strictEqual(status, 503)
        assert.strictEqual(text, '{"detail":"Service temporarily unavailable"}')
        assert.match(headers.get("retry-after") ?? "", /^\d+$/u)
      }
      assert.isNotEmpty(lines.filter((line) => line.includes("The database cannot be reached")))
      assert.isEmpty(lines.filter((line) => line.includes('"level":"ERROR"')))

      yield* wire.mend
      assert.strictEqual((yield* server.ask("GET", "/v1/users/me", { token })).status, 200)
      assert.strictEqual((yield* server.ask("POST", "/v1/auth/register", { body: credentials })).status, 201)
    })
  )

  it.effect("outlives its connections being ended from the other side", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const sql = yield* SqlClient.SqlClient
      const token = yield* server.register
      yield* Effect.ignore(
        sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()`
      )
      const statuses = yield* Effect.forEach(
        Array.from({ length: 8 }, () => "/v1/chat/sessions"),
        (path) => Effect.map(server.ask("GET", path, { token }), ({ status }) => status)
      )
      assert.isEmpty(statuses.filter((status) => status !== 200 && status !== 503))
      assert.strictEqual(statuses.at(-1), 200)
    })
  )
})
