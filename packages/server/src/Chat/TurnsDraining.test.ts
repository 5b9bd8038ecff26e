import { NodeCrypto } from "@effect/platform-node"
import { assert, expect, layer } from "@effect/vitest"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { parrot } from "../../test/Parrot.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { Agent } from "../Agent/Agent.ts"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { Prices } from "../Usage/Prices.ts"
import { Turns } from "./Turns.ts"

/** Turns of a server of the test's own, whose agent waits for `gate`, and the scope that is its life. */
const serving = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const gate = yield* Deferred.make<void>()
  const asked = yield* Queue.unbounded<void>()
  const patient = Layer.effect(
    Agent,
    Effect.map(Agent, ({ answer }) => ({
      answer: (question) =>
        Effect.andThen(Queue.offer(asked, undefined), Deferred.await(gate)).pipe(Effect.andThen(answer(question)))
    }))
  ).pipe(Layer.provide(parrot))
  const sql = yield* SqlClient.SqlClient
  const { take, drain } = yield* Turns.pipe(
    Effect.provide(
      yield* Turns.layer.pipe(
        Layer.provide([patient, Prices.layer, AgentMemory.layer, NodeCrypto.layer]),
        Layer.provide(Layer.succeed(SqlClient.SqlClient, sql)),
        Layer.build,
        Scope.provide(scope)
      )
    )
  )
  const userId = UserId.make(randomUUID())
  const sessionId = SessionId.make(randomUUID())
  yield* sql`INSERT INTO users VALUES (${userId}, ${`${userId}@example.com`}, '', now(), now())`
  yield* sql`INSERT INTO sessions (session_id, user_id, created_at) VALUES (${sessionId}, ${userId}, now())`
  const say = (content: string) =>
    take(userId, { session_id: sessionId, content, message_id: MessageId.make(randomUUID()) }, () => Effect.void)
  return {
    drain,
    say,
    /** Waits until the agent has been asked. */
    started: (content: string) => Effect.tap(Effect.forkChild(Effect.exit(say(content))), () => Queue.take(asked)),
    letAnswer: Deferred.succeed(gate, undefined),
    close: Scope.close(scope, Exit.void),
    stored: sql<{ readonly lease_token: string | null; readonly count: number }>`
      SELECT lease_token, (SELECT count(*)::integer FROM messages m WHERE m.session_id = s.session_id) AS count
      FROM sessions s WHERE session_id = ${sessionId}`
  }
})

const unavailable = { _tag: "ServiceUnavailable", retryAfterSeconds: 1 }

layer(TestDatabase.layer)("turns, when their server ends", (it) => {
  it.effect("are finished in the time that is left, and no new ones begin", () =>
    Effect.gen(function* () {
      const { drain, letAnswer, say, started, stored } = yield* serving
      const running = yield* started("Hello")
      const draining = yield* Effect.forkChild(drain("30 seconds"))
      yield* Effect.yieldNow
      expect(yield* Effect.flip(say("Me too"))).toMatchObject(unavailable)
      yield* letAnswer
      expect(yield* Fiber.join(running)).toMatchObject({ _tag: "Success", value: { message: { content: "Hello" } } })
      yield* Fiber.join(draining)
      assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 2 }])
    })
  )

  it.effect("end as unavailable when the time is over, and leave nothing", () =>
    Effect.gen(function* () {
      const { drain, started, stored } = yield* serving
      const running = yield* started("Hello")
      const draining = yield* Effect.forkChild(drain("30 seconds"))
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(running.pollUnsafe())
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject(unavailable)
      yield* Fiber.join(draining)
      assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 0 }])
    })
  )

  it.effect("end with it at the latest, and give back what they hold", () =>
    Effect.gen(function* () {
      const { close, started, stored } = yield* serving
      const running = yield* started("Hello")
      yield* close
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject(unavailable)
      assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 0 }])
    })
  )
})
