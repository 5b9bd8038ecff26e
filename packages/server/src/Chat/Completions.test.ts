import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { assert, expect, layer } from "@effect/vitest"
import { UserId } from "@parley/domain/Users"
import { Deferred, Effect, Exit, Fiber, Layer, Queue } from "effect"
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

  it.effect("is accounted once, though what was given up commits after it was tried again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { account, accountAgain } = yield* CompletionsRepo.make
      const { userId, usage } = yield* person
      const call = { model: "m", inputTokens: 1, outputTokens: 2, isEstimated: false, costEur: 0.5 }
      const debt = { userId, id: randomUUID(), isAnswered: true, spent: [call] }
      const isWritten = yield* Deferred.make<void>()
      const again = yield* Effect.forkChild(Effect.andThen(Deferred.await(isWritten), accountAgain(debt)))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* account(debt)
          yield* Deferred.succeed(isWritten, undefined)
          yield* untilWaiting(1, again)
        })
      )
      yield* Fiber.join(again)
      assert.lengthOf(yield* usage, 1)
    })
  )

  it.effect("is accounted once, however often that is sent, and not to who is gone", () =>
    Effect.gen(function* () {
      const { account } = yield* CompletionsRepo.make
      const { userId, usage } = yield* person
      const call = { model: "m", inputTokens: 1, outputTokens: 2, isEstimated: false, costEur: 0.5 }
      const debt = { userId, id: randomUUID(), isAnswered: false, spent: [call, call] }
      yield* account(debt)
      yield* account(debt)
      yield* account({ ...debt, userId: UserId.make(randomUUID()), id: randomUUID() })
      assert.lengthOf(yield* usage, 2)
    })
  )
})
