import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, layer, vi } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { freePort } from "../../bench/Processes.ts"
import { OtlpReceiver } from "../../test/OtlpReceiver.ts"
import * as RawConnection from "../../test/rawConnection.ts"
import * as ServerProcess from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { listen, newcomer, type Person, say } from "../../test/TestChat.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { TestServer } from "../../test/TestServer.ts"

// A server takes seconds to start, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

const graceMillis = 2000

/** A server of its own for a test: it ends in each. */
const serving = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { url: database } = yield* TestDatabase.make
  const { baseUrl: modelUrl } = yield* StubModel
  const port = yield* freePort
  const server = yield* ServerProcess.start({ database, modelUrl, port, settings })
  return { ...server, port, database }
})

/** What is left of all turns in the database. */
const stored = Effect.fnUntraced(function* (database: Redacted.Redacted) {
  const rows = yield* Effect.provide(
    Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => sql`SELECT
        (SELECT count(*)::integer FROM sessions WHERE lease_token IS NOT NULL) AS leases,
        (SELECT count(*)::integer FROM messages) AS messages,
        (SELECT count(*)::integer FROM usage WHERE NOT estimated) AS usage,
        (SELECT count(*)::integer FROM usage WHERE estimated) AS estimates`
    ),
    PgClient.layer({ url: database })
  )
  return rows[0]
})

const Parts = Layer.mergeAll(StubModel.layer, OtlpReceiver.layer, NodeServices.layer)

layer(Parts, { excludeTestServices: true })("a server that is told to stop", (it) => {
  it.effect("lets fifty streams end, refuses new turns and serves all else meanwhile, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const receiver = yield* OtlpReceiver
      const stub = yield* StubModel
      const { client, database, exitCode, lines, port, signal } = yield* serving({
        SHUTDOWN_GRACE: `${graceMillis} millis`,
        SHUTDOWN_DELAY: "100 millis",
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"
      })
      yield* Effect.gen(function* () {
        const { session_id, token } = yield* newcomer
        const person: Effect.Effect<Person> = Effect.map(client.openSession(token), (id) => ({ token, session_id: id }))
        const gate = yield* Deferred.make<void>()
        const answered = Reply.text("Just in time.", { afterChunks: { count: 1, stop: Deferred.await(gate) } })
        const silent = Reply.text("Too late.", { afterChunks: { count: 1, stop: "hang" } })
        yield* stub.handle(({ messages }) => (messages.at(-1)?.content === "in time" ? answered : silent))

        const streams = yield* Effect.forEach(
          Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? "in time" : "too late")),
          (content) =>
            Effect.flatMap(person, (one) => listen(one, content)).pipe(
              Effect.flatMap(({ events }) => Effect.forkScoped(Stream.runCollect(events)))
            ),
          { concurrency: 10 }
        )
        // Of this turn nobody will hear.
        const unheard = yield* Effect.forkChild(say({ token, session_id }, "in time", { on_disconnect: "continue" }))
        yield* Effect.repeat(stub.calls, { until: (calls) => calls.length === 51, schedule: Schedule.spaced(10) })
        yield* Fiber.interrupt(unheard)
        // Opened in advance by a browser, and never used.
        const unused = yield* RawConnection.make(port)

        // Twice, as whoever has both a terminal and npm between gets it.
        const toldAt = yield* Clock.currentTimeMillis
        yield* signal("SIGINT")
        yield* signal("SIGTERM")
        const ready = yield* Effect.repeat(client.ask("GET", "/health/ready"), {
          until: ({ status }) => status !== 200
        })
        assert.deepStrictEqual([ready.status, ready.json], [503, { detail: "Shutting down" }])
        for (const path of ["/v1/chat", "/v1/chat/stream"]) {
          const refused = yield* client.ask("POST", path, { token, body: { session_id, content: "One more?" } })
          assert.deepStrictEqual([refused.status, refused.json], [503, { detail: "Service temporarily unavailable" }])
          assert.strictEqual(refused.headers.get("retry-after"), "1")
          assert.strictEqual(refused.headers.get("connection"), "close")
        }
        const other = yield* client.ask("GET", "/v1/users/me", { token })
        assert.deepStrictEqual([other.status, other.headers.get("connection")], [200, "close"])
        assert.strictEqual((yield* client.ask("GET", "/health/live")).status, 200)

        yield* Deferred.succeed(gate, undefined)
        const ends = (yield* Effect.forEach(streams, Fiber.join)).map((events) => events.at(-1))
        for (const [index, end] of ends.entries()) {
          if (index % 2 === 0) assert.strictEqual(end?.event, "done")
          else {
            assert.strictEqual(end?.event, "error")
            assert.deepStrictEqual(end?.data, { detail: "Service temporarily unavailable", status: 503 })
          }
        }
        assert.strictEqual(yield* exitCode, 0)
        const millis = (yield* Clock.currentTimeMillis) - toldAt
        assert.isAtLeast(millis, graceMillis)
        assert.isBelow(millis, graceMillis + 4500, "and it waits for nobody who has asked for nothing")
        assert.strictEqual((yield* unused.closed).text, "")
      }).pipe(Effect.provideService(TestServer, client))

      assert.deepStrictEqual(yield* stored(database), { leases: 0, messages: 52, usage: 26, estimates: 25 })
      const turns = (yield* receiver.spans("/v1/traces")).filter(({ name }) => name === "Turns.take")
      assert.lengthOf(turns, 53)
      assert.include(lines.join("\n"), "Shutting down, in 2s at the most. A second signal ends at once")
      assert.isEmpty(lines.filter((line) => line.includes('"level":"ERROR"')))
    })
  )

  it.effect("twice ends at once", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const { client, exitCode, signal } = yield* serving({ SHUTDOWN_GRACE: "10 minutes" })
      yield* Effect.gen(function* () {
        yield* stub.reset
        yield* stub.handle(() => Reply.hang)
        const turn = yield* Effect.flatMap(newcomer, (person) => Effect.forkChild(Effect.exit(say(person, "Hello"))))
        yield* stub.nextCall
        yield* Effect.repeat(signal("SIGTERM"), { schedule: Schedule.spaced("300 millis"), while: () => true }).pipe(
          Effect.forkChild
        )
        assert.strictEqual(yield* exitCode, 143)
        yield* Fiber.join(turn)
      }).pipe(Effect.provideService(TestServer, client))
    })
  )
})
