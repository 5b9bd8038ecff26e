import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { assert, expect, layer } from "@effect/vitest"
import { UserId } from "@parley/domain/Users"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { parrot } from "../../test/Parrot.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { untilWaiting } from "../../test/whenBlocked.ts"
import { Agent } from "../Agent/Agent.ts"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Prices } from "../Usage/Prices.ts"
import * as CompletionsRepo from "./CompletionsRepo.ts"
import { Turns } from "./Turns.ts"

const person = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const userId = UserId.make(randomUUID())
  yield* sql`INSERT INTO users VALUES (${userId}, ${`${userId}@example.com`}, '', now(), now())`
  const usage = sql<{
    answered: boolean
  }>`SELECT message_id IS NOT NULL AS answered FROM usage WHERE user_id = ${userId}`
  return { userId, usage }
})

const call = { model: "m", inputTokens: 1, outputTokens: 2, isEstimated: false, costEur: 0.5 }

/** Turns whose agent, asked for a completion, waits for the gate when it has said what it has to say. */
const serving = Effect.gen(function* () {
  const gate = yield* Deferred.make<void>()
  const asked = yield* Queue.unbounded<void>()
  const patient = Layer.effect(
    Agent,
    Effect.map(Agent, ({ complete, ...agent }) => ({
      ...agent,
      complete: (conversation) =>
        Effect.tap(complete(conversation), () => Effect.andThen(Queue.offer(asked, undefined), Deferred.await(gate)))
    }))
  ).pipe(Layer.provide(parrot))
  const rooms = yield* Turns.layer.pipe(
    Layer.provide([patient, Prices.layer, AgentMemory.layer]),
    Layer.provide([NodeCrypto.layer, NodeServices.layer, Metrics.layer, Shutdown.layer]),
    Layer.build
  )
  const { complete, drain } = yield* Effect.provide(Turns, rooms)
  const say = (userId: UserId) =>
    complete(userId, { id: randomUUID(), model: "parrot", messages: [{ role: "user", content: "Hello" }] })
  const started = (userId: UserId) => Effect.tap(Effect.forkChild(Effect.exit(say(userId))), () => Queue.take(asked))
  return { drain, say, started, letAnswer: Deferred.succeed(gate, undefined) }
})

layer(TestDatabase.layer)("a turn without a session", (it) => {
  it.effect("is finished when its server ends, in the time that is left, and no new one begins", () =>
    Effect.gen(function* () {
      const { userId, usage } = yield* person
      const { drain, letAnswer, say, started } = yield* serving
      const running = yield* started(userId)
      const draining = yield* Effect.forkChild(drain("30 seconds"))
      yield* Effect.yieldNow
      expect(yield* Effect.flip(say(userId))).toMatchObject({ _tag: "ServiceUnavailable" })
      yield* letAnswer
      expect(yield* Fiber.join(running)).toMatchObject({ _tag: "Success", value: { content: "Hello" } })
      yield* Fiber.join(draining)
      assert.deepStrictEqual(yield* usage, [{ answered: true }])
    })
  )

  it.effect("ends as unavailable when the time is over, and is accounted as one without an answer", () =>
    Effect.gen(function* () {
      const { userId, usage } = yield* person
      const { drain, started } = yield* serving
      const running = yield* started(userId)
      yield* drain(0)
      const exit = yield* Fiber.join(running)
      expect(Exit.isFailure(exit) && exit.cause.reasons).toMatchObject([{ error: { _tag: "ServiceUnavailable" } }])
      assert.deepStrictEqual(yield* usage, [{ answered: false }])
    })
  )

  it.effect("is answered though it cannot be accounted, and accounted as soon as it can", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { userId, usage } = yield* person
      const { letAnswer, say } = yield* serving
      yield* letAnswer
      yield* sql`ALTER TABLE usage RENAME TO usage_elsewhere`
      assert.strictEqual((yield* say(userId)).content, "Hello")
      yield* TestClock.adjust("1 second")
      yield* sql`ALTER TABLE usage_elsewhere RENAME TO usage`
      assert.isEmpty(yield* usage)
      yield* Effect.andThen(TestClock.adjust("1 second"), usage).pipe(
        Effect.repeat({ until: (rows) => rows.length > 0, times: 500 })
      )
      assert.deepStrictEqual(yield* usage, [{ answered: true }])
    })
  )

  it.effect("is accounted before its server ends, if it could not be until then", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { userId, usage } = yield* person
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { letAnswer, say } = yield* serving
          yield* letAnswer
          yield* sql`ALTER TABLE usage RENAME TO usage_elsewhere`
          yield* say(userId)
          yield* sql`ALTER TABLE usage_elsewhere RENAME TO usage`
        })
      )
      assert.deepStrictEqual(yield* usage, [{ answered: true }])
    })
  )

  it.effect("is accounted once, though what was given up comes when it is being written again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { account } = yield* CompletionsRepo.make
      const { userId, usage } = yield* person
      const debt = { userId, id: randomUUID(), isAnswered: true, spent: [call] }
      const isWritten = yield* Deferred.make<void>()
      const late = yield* Effect.forkChild(Effect.andThen(Deferred.await(isWritten), account(debt)))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* account(debt)
          yield* Deferred.succeed(isWritten, undefined)
          yield* untilWaiting(1, late)
        })
      )
      yield* Fiber.join(late)
      assert.lengthOf(yield* usage, 1)
    })
  )

  it.effect("keeps its server from ending for two seconds, if what it took cannot be written", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { userId } = yield* person
      const rooms = yield* Scope.make()
      const { letAnswer, say } = yield* Scope.provide(serving, rooms)
      yield* letAnswer
      yield* sql`ALTER TABLE usage RENAME TO usage_elsewhere`
      yield* say(userId)
      yield* sql`ALTER TABLE usage_elsewhere RENAME TO usage`
      const isLocked = yield* Deferred.make<void>()
      const ending = yield* Effect.forkChild(
        Effect.andThen(Deferred.await(isLocked), Scope.close(rooms, Exit.succeed(undefined)))
      )
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE usage`
          yield* Deferred.succeed(isLocked, undefined)
          yield* untilWaiting(1, ending)
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.join(ending)
        })
      )
    })
  )

  it.effect("is accounted once, however often that is sent, and not to who is gone", () =>
    Effect.gen(function* () {
      const { account } = yield* CompletionsRepo.make
      const { userId, usage } = yield* person
      const debt = { userId, id: randomUUID(), isAnswered: false, spent: [call, call] }
      yield* account(debt)
      yield* account(debt)
      yield* account({ ...debt, userId: UserId.make(randomUUID()), id: randomUUID() })
      assert.lengthOf(yield* usage, 2)
    })
  )
})

/** Commits wait for the gate, and hear nobody who gives them up, as those that wait for a replica. */
const slowCommits = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    LOOP
      BEGIN
        PERFORM pg_advisory_xact_lock_shared(1);
        RETURN NULL;
      EXCEPTION WHEN query_canceled THEN NULL;
      END;
    END LOOP;
  END $$`
  yield* sql`CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON usage DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_gate()`
})

layer(TestDatabase.layerPool(10, true, "1 second"))("a turn whose account is long in being committed", (it) => {
  it.effect("is answered meanwhile, and accounted once, though that is tried again before it is over", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { userId, usage } = yield* person
      const { letAnswer, say } = yield* serving
      yield* letAnswer
      yield* slowCommits
      const isShut = yield* Deferred.make<void>()
      const saying = yield* Effect.forkChild(Effect.andThen(Deferred.await(isShut), say(userId)))
      const never = yield* Effect.forkChild(Effect.never)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT pg_advisory_xact_lock(1)`
          yield* Deferred.succeed(isShut, undefined)
          assert.strictEqual((yield* Fiber.join(saying)).content, "Hello")
          yield* untilWaiting(1, never)
          yield* TestClock.adjust("1 second")
          yield* untilWaiting(2, never)
        })
      )
      const writing = sql`SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`
      yield* Effect.repeat(writing, { until: ({ length }) => length === 0 })
      assert.deepStrictEqual(yield* usage, [{ answered: true }])
    })
  )
})
