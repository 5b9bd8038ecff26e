import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Random, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, listen, type Person } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const sessions = 100

/** What is alive when the garbage is gone. Bytes. */
const heapUsed = Effect.gen(function* () {
  // For a second the client of the model still waits for the end of what nobody reads any more.
  yield* Effect.sleep("1200 millis")
  setFlagsFromString("--expose-gc")
  const collect: unknown = runInNewContext("gc")
  if (typeof collect === "function") collect()
  return process.memoryUsage().heapUsed
})

const listening = Effect.gen(function* () {
  const server = yield* TestServer
  const token = yield* server.register
  const open = Effect.map(server.openSession(token), (session_id): Person => ({ token, session_id }))
  return yield* Effect.replicateEffect(open, sessions, { concurrency: 10 })
})

/** One stream in each session, left when chance has it. Gives for how long the model went on without them. */
const round = Effect.fnUntraced(function* (people: ReadonlyArray<Person>) {
  const stub = yield* StubModel
  yield* stub.reset
  // It would never end by itself.
  const endless = Reply.text("word ".repeat(11), { delayBetweenChunks: 10, afterChunks: { count: 10, stop: "hang" } })
  const called = new Map(people.map((_, index) => [`number ${index}`, Deferred.makeUnsafe<void>()]))
  yield* stub.handle(({ messages }) => {
    const asked = called.get(String(messages.at(-1)?.content))
    if (asked !== undefined) Deferred.doneUnsafe(asked, Effect.void)
    return endless
  })
  const left = new Map<string, number>()
  const leave = Effect.fnUntraced(function* (person: Person, [content, asked]: [string, Deferred.Deferred<void>]) {
    const count = yield* Random.nextIntBetween(0, 10)
    const heard = Effect.flatMap(listen(person, content), ({ events }) => Stream.runDrain(Stream.take(events, count)))
    yield* count > 0 ? heard : Effect.raceFirst(Effect.andThen(heard, Effect.never), Deferred.await(asked))
    left.set(content, performance.now())
  })
  const each = [...called].flatMap((one, index) => people.slice(index, index + 1).map((person) => leave(person, one)))
  yield* Effect.all(each, { concurrency: 25, discard: true })
  const delays = yield* Effect.forEach(yield* stub.calls, ({ ended, request }) =>
    Effect.map(ended, ({ atMillis }) => atMillis - (left.get(String(request.messages.at(-1)?.content)) ?? 0))
  )
  yield* stub.reset
  const sql = yield* SqlClient.SqlClient
  yield* sql`SELECT FROM sessions WHERE lease_token IS NOT NULL`.pipe(
    Effect.repeat({ until: (rows) => rows.length === 0, schedule: Schedule.spaced(5) })
  )
  return delays
})

layer(TestServer.layer, { excludeTestServices: true })("a thousand streams", (it) => {
  it.effect(
    "left at any moment leave nothing behind: no call of the model, no connection, no lease, no memory",
    () =>
      Effect.gen(function* () {
        const people = yield* listening
        const sql = yield* SqlClient.SqlClient
        const stub = yield* StubModel
        const stalls = monitorEventLoopDelay({ resolution: 10 })
        stalls.enable()
        const early = (yield* Effect.replicateEffect(round(people), 6)).flat()
        const before = yield* heapUsed
        const late = (yield* Effect.replicateEffect(round(people), 6)).flat()
        const grown = (yield* heapUsed) - before
        stalls.disable()

        const delays = [...early, ...late]
        assert.strictEqual(delays.length, 12 * sessions)
        // A second, and what client, server and model, which are one process here, lose where the machine has no time for it.
        const stallMillis = stalls.max / 1e6
        assert.isBelow(Math.max(...delays), 1000 + 5 * stallMillis, `milliseconds, with stalls of ${stallMillis}`)
        assert.strictEqual((yield* stub.stats).open, 0)
        assert.isBelow(grown / late.length, 5000, "bytes that each of them left behind")
        // PostgreSQL's own workers, such as autovacuum, are not ours; and a connection that has just answered is not idle yet.
        yield* sql`SELECT FROM pg_stat_activity WHERE datname = current_database()
          AND backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()`.pipe(
          Effect.repeat({ until: (busy) => busy.length === 0, schedule: Schedule.spaced(5) })
        )
        assert.deepStrictEqual(yield* sql`SELECT FROM messages`, [])
        yield* Effect.forEach(people, (person) => answer(person, "and now"), { concurrency: 10 })
      }),
    120_000
  )
})
