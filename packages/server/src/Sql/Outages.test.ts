import { assert, layer, vi } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { OwnPostgres } from "../../test/OwnPostgres.ts"
import { ServerProcess } from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, eventsOf, newcomer, type Person, say, transcript } from "../../test/TestChat.ts"
import { type Reply as HttpReply, TestServer } from "../../test/TestServer.ts"

// A PostgreSQL and a server of each test's own: seconds to start, on a busy machine many.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const Server = Layer.unwrap(Effect.map(OwnPostgres, ({ url }) => ServerProcess.layerOn(url))).pipe(
  Layer.provideMerge(OwnPostgres.layer)
)

const unavailable = "Service temporarily unavailable"

/** Whether it did what was asked. What did not says so as the contract has it. */
const isDone = ({ json, status, text }: HttpReply) => {
  if (status === 200) return true
  assert.deepStrictEqual([status, json], [503, { detail: unavailable }], text)
  return false
}

/** One streamed turn, as `isDone`; an error may also be its last event. */
const isStreamed = Effect.fnUntraced(function* (reply: HttpReply) {
  if (!isDone(reply)) return false
  const last = (yield* Stream.runCollect(eventsOf(Stream.make(reply.text)))).at(-1)
  if (last?.event === "done") return true
  assert.deepStrictEqual([last?.event, last?.data], ["error", { detail: unavailable, status: 503 }])
  return false
})

/** The server has lived through it without a fault of its own. */
const isWell = Effect.gen(function* () {
  const { isRunning, lines } = yield* ServerProcess
  assert.isTrue(yield* isRunning)
  assert.isEmpty(lines.filter((line) => line.includes('"level":"ERROR"')))
})

layer(Server, { excludeTestServices: true })("a database that stands still", (it) => {
  it.effect("is a 503 in time for everything but the liveness of the server, and works when it goes on", () =>
    Effect.gen(function* () {
      const postgres = yield* OwnPostgres
      const server = yield* TestServer
      const stub = yield* StubModel
      const [talking, ...idle] = yield* Effect.all([newcomer, newcomer, newcomer])
      yield* Effect.forEach([talking, ...idle], (person) => answer(person, "Hello"))
      const frozen = yield* Queue.unbounded<void>()
      yield* stub.enqueue(Reply.text("At last.", { beforeHeaders: Queue.take(frozen) }))
      const message_id = randomUUID()
      const turn = yield* Effect.forkChild(say(talking, "Slowly", { message_id }))
      yield* Effect.repeat(stub.stats, { until: ({ open }) => open === 1 })

      yield* postgres.freeze
      yield* Queue.offer(frozen, undefined)
      const frozenAt = performance.now()
      const { token } = talking
      const read = server.ask("GET", "/v1/chat/sessions", { token })
      const isRefusedInTime = <E, R>(asked: Effect.Effect<HttpReply, E, R>) =>
        Effect.gen(function* () {
          const began = performance.now()
          assert.isFalse(isDone(yield* asked))
          assert.isBelow(performance.now() - began, 9_000)
        })
      const talks = [Fiber.join(turn), ...idle.map((person) => say(person, "Are you there?"))]
      const reads = Array.from({ length: 400 }, () => read)
      yield* Effect.forEach([...talks, ...reads], isRefusedInTime, { concurrency: "unbounded", discard: true })
      yield* Effect.repeat(isRefusedInTime(read), { until: () => performance.now() - frozenAt >= 20_000 })
      assert.strictEqual((yield* server.ask("GET", "/health/live")).status, 200)
      assert.strictEqual((yield* server.ask("GET", "/health/ready")).status, 503)

      yield* postgres.thaw
      for (const person of idle)
        assert.strictEqual((yield* answer(person, "And now?")).message.content, "The stub has spoken.")
      yield* answer(talking, "Slowly", { message_id })
      assert.strictEqual((yield* transcript(talking)).length, 4)
      yield* isWell
    }).pipe(Effect.ensuring(Effect.flatMap(OwnPostgres, ({ thaw }) => thaw)))
  )
})

layer(Server, { excludeTestServices: true })("a session that somebody has locked", (it) => {
  it.effect("is a 503 in time for who talks in it, and nothing to others", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [talking, ...others] = yield* Effect.all([newcomer, newcomer, newcomer])
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM sessions WHERE session_id = ${talking.session_id} FOR UPDATE`
          const turn = yield* Effect.forkChild(say(talking, "Hello"))
          const waiting = sql`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`
          yield* Effect.repeat(waiting, { until: (rows) => rows.length === 1, schedule: Schedule.spaced(5) })
          yield* Effect.forEach(others, (person) => answer(person, "Hello"), { concurrency: "unbounded" })
          assert.isFalse(isDone(yield* Fiber.join(turn)))
        })
      )
      yield* answer(talking, "Hello")
    })
  )
})

/** Asks for this and that until it is told to stop, and repeats every turn until it is answered. */
const load = Effect.gen(function* () {
  const server = yield* TestServer
  const counts = { done: 0, refused: 0, refusedAfterwards: 0 }
  const state = { isBack: false, isOver: false }
  const counted = <E, R>(request: Effect.Effect<boolean, E, R>) =>
    Effect.suspend(() => {
      const refused = state.isBack ? "refusedAfterwards" : "refused"
      return Effect.tap(request, (done) => Effect.sync(() => counts[done ? "done" : refused]++))
    })
  const reading = Effect.fnUntraced(function* ({ session_id, token }: Person) {
    const path = `/v1/chat/sessions/${session_id}/messages`
    while (!state.isOver) yield* counted(Effect.map(server.ask("GET", path, { token }), isDone))
  })
  const talking = Effect.fnUntraced(function* (person: Person, streamed: boolean) {
    const said: Array<string> = []
    const { session_id, token } = person
    while (!state.isOver) {
      const content = `message ${said.length}`
      const body = { session_id, content, message_id: randomUUID() }
      said.push(content)
      const turn = streamed
        ? Effect.flatMap(server.ask("POST", "/v1/chat/stream", { token, body }), isStreamed)
        : Effect.map(server.ask("POST", "/v1/chat", { token, body }), isDone)
      yield* Effect.repeat(counted(turn), { until: (done) => done })
    }
    return { person, said }
  })
  const people = yield* Effect.replicateEffect(newcomer, 4)
  const readers = yield* Effect.forEach(people, (person) => Effect.forkChild(reading(person)))
  const talkers = yield* Effect.forEach(people, (person, index) => Effect.forkChild(talking(person, index % 2 === 0)))
  return {
    counts,
    /** To be told when the database is there again: whatever is asked from now on should be done. */
    back: Effect.sync(() => {
      state.isBack = true
    }),
    stop: Effect.gen(function* () {
      state.isOver = true
      yield* Fiber.joinAll(readers)
      return yield* Fiber.joinAll(talkers)
    })
  }
})

for (const how of ["SIGQUIT", "SIGINT"] as const)
  layer(Server, { excludeTestServices: true })(
    `a database that is stopped ${how === "SIGQUIT" ? "in immediate mode" : "properly"} under load, and started again,`,
    (it) => {
      it.effect("is a 503 meanwhile, works from the first request after it, and has every turn once", () =>
        Effect.gen(function* () {
          const postgres = yield* OwnPostgres
          const { back, counts, stop } = yield* load
          const more = (kind: keyof typeof counts, by: number) =>
            Effect.suspend(() => {
              const enough = counts[kind] + by
              return Effect.repeat(Effect.sleep(10), { until: () => counts[kind] >= enough })
            })
          yield* more("done", 100)
          yield* postgres.stop(how)
          yield* more("refused", 50)
          yield* postgres.start
          yield* back
          yield* more("done", 100)
          const talks = yield* stop
          assert.strictEqual(counts.refusedAfterwards, 0)
          yield* isWell

          const sql = yield* SqlClient.SqlClient
          for (const { person, said } of talks) {
            const stored = yield* sql`SELECT role, content FROM messages
              WHERE session_id = ${person.session_id} ORDER BY position`
            const answers = said.flatMap((content) => [
              { role: "user", content },
              { role: "assistant", content: "The stub has spoken." }
            ])
            assert.deepStrictEqual(stored, answers)
          }
          assert.isEmpty(yield* sql`SELECT FROM sessions WHERE lease_token IS NOT NULL`)
        })
      )
    }
  )
