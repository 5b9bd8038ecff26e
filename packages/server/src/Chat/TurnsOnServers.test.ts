import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { assert, expect, layer } from "@effect/vitest"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { parrot } from "../../test/Parrot.ts"
import * as Stop from "../../test/Stop.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { Agent } from "../Agent/Agent.ts"
import { AgentMemory } from "../Agent/AgentMemory.ts"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Prices } from "../Usage/Prices.ts"
import { Turns } from "./Turns.ts"

/** A person with a session, in the database that all servers share. */
const account = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const userId = UserId.make(randomUUID())
  const sessionId = SessionId.make(randomUUID())
  yield* sql`INSERT INTO users VALUES (${userId}, ${`${userId}@example.com`}, '', now(), now())`
  yield* sql`INSERT INTO sessions (session_id, user_id, created_at) VALUES (${sessionId}, ${userId}, now())`
  return {
    userId,
    sessionId,
    stored: sql<{ readonly lease_token: string | null; readonly count: number }>`
      SELECT lease_token, (SELECT count(*)::integer FROM messages m WHERE m.session_id = s.session_id) AS count
      FROM sessions s WHERE session_id = ${sessionId}`,
    accounted: Effect.map(sql`SELECT FROM usage WHERE session_id = ${sessionId}`, (rows) => rows.length)
  }
})

interface Hooks {
  /** Before the statement that writes a turn is sent, and when it has been committed. */
  readonly beforeCommit?: Effect.Effect<void>
  readonly afterCommit?: Effect.Effect<void>
}

/** The database, seen through a connection that is slow to commit. */
const slowed = (sql: SqlClient.SqlClient, { afterCommit = Effect.void, beforeCommit = Effect.void }: Hooks) =>
  new Proxy(sql, {
    apply: (target, self, args: Array<unknown>) => {
      const made: unknown = Reflect.apply(target, self, args)
      const isCommit = Array.isArray(args[0]) && args[0].join("").includes("INSERT INTO messages")
      if (!isCommit || !Effect.isEffect(made)) return made
      return Effect.tap(Effect.andThen(beforeCommit, made), () => afterCommit)
    }
  })

/** Turns of one server, whose agent waits for `gate`, and the scope that is its life. */
const serve = Effect.fnUntraced(function* ({ sessionId, userId }: Effect.Success<typeof account>, hooks: Hooks = {}) {
  const scope = yield* Scope.make()
  const gate = yield* Deferred.make<void>()
  const asked = yield* Queue.unbounded<void>()
  const patient = Layer.effect(
    Agent,
    Effect.map(Agent, ({ answer, ...agent }) => ({
      ...agent,
      answer: (question) =>
        Effect.andThen(Queue.offer(asked, undefined), Deferred.await(gate)).pipe(Effect.andThen(answer(question)))
    }))
  ).pipe(Layer.provide(parrot))
  const rooms = yield* Turns.layer.pipe(
    Layer.provide([patient, Prices.layer, AgentMemory.layer]),
    Layer.provide([NodeCrypto.layer, NodeServices.layer, Metrics.layer, Shutdown.layer]),
    Layer.provide(Layer.succeed(SqlClient.SqlClient, slowed(yield* SqlClient.SqlClient, hooks))),
    Layer.build,
    Scope.provide(scope)
  )
  const { cancel, drain, take } = yield* Effect.provide(Turns, rooms)
  const say = (content: string) =>
    take(userId, { session_id: sessionId, content, message_id: MessageId.make(randomUUID()) }, () => Effect.void)
  return {
    cancel: cancel(userId, sessionId),
    drain,
    say,
    /** Goes on when the agent has been asked. */
    started: (content: string) => Effect.tap(Effect.forkChild(Effect.exit(say(content))), () => Queue.take(asked)),
    letAnswer: Deferred.succeed(gate, undefined),
    close: Scope.close(scope, Exit.void)
  }
})

const serving = Effect.fnUntraced(function* (hooks: Hooks = {}) {
  const person = yield* account
  return { ...person, ...(yield* serve(person, hooks)) }
})

const unavailable = { _tag: "ServiceUnavailable", retryAfterSeconds: 1 }

layer(TestDatabase.layer)("turns, when their server ends", (it) => {
  it.effect("are finished in the time that is left, and no new ones begin", () =>
    Effect.gen(function* () {
      const { drain, letAnswer, say, started, stored } = yield* serving()
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
      const { drain, started, stored } = yield* serving()
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
      const { close, started, stored } = yield* serving()
      const running = yield* started("Hello")
      yield* close
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject(unavailable)
      assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 0 }])
    })
  )
})

layer(TestDatabase.layer)("turns on two servers", (it) => {
  it.effect("are one at a time in a session", () =>
    Effect.gen(function* () {
      const person = yield* account
      const [here, there] = yield* Effect.all([serve(person), serve(person)])
      yield* there.letAnswer
      const running = yield* here.started("Hello")
      expect(yield* Effect.flip(there.say("Me too"))).toMatchObject({ _tag: "TurnInProgress" })
      yield* here.letAnswer
      expect(yield* Fiber.join(running)).toMatchObject({ _tag: "Success" })
      yield* there.say("Now me")
      assert.deepStrictEqual(yield* person.stored, [{ lease_token: null, count: 4 }])
    })
  )

  it.effect("sent at the same moment are answered once, or one after the other", () =>
    Effect.gen(function* () {
      const person = yield* account
      const servers = yield* Effect.all([serve(person), serve(person)])
      for (const { letAnswer } of servers) yield* letAnswer
      let answered = 0
      for (let round = 0; round < 30; round++) {
        const exits = yield* Effect.all(
          servers.map(({ say }) => Effect.exit(say(`round ${round}`))),
          { concurrency: "unbounded" }
        )
        const succeeded = exits.filter(Exit.isSuccess).length
        assert.isAtLeast(succeeded, 1)
        answered += succeeded
        assert.deepStrictEqual(yield* person.stored, [{ lease_token: null, count: 2 * answered }])
      }
    })
  )

  it.effect("are cancelled from either, within a second", () =>
    Effect.gen(function* () {
      const person = yield* account
      const [here, there] = yield* Effect.all([serve(person), serve(person)])
      const running = yield* here.started("Hello")
      yield* there.cancel
      expect(yield* Effect.flip(there.cancel)).toMatchObject({ _tag: "NoTurnRunning" })
      assert.isUndefined(running.pollUnsafe())
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject({ _tag: "TurnCancelled" })
      assert.deepStrictEqual(yield* person.stored, [{ lease_token: null, count: 0 }])
    })
  )

  it.effect("are cancelled at once on their own", () =>
    Effect.gen(function* () {
      const { cancel, started } = yield* serving()
      const running = yield* started("Hello")
      yield* cancel
      expect(running.pollUnsafe()).toMatchObject({ _tag: "Success" })
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject({ _tag: "TurnCancelled" })
    })
  )
})

layer(TestDatabase.layer)("a turn that is being written", (it) => {
  it.effect("is not taken for one that lost its lease", () =>
    Effect.gen(function* () {
      const { pass, reached, wait } = yield* Stop.make
      const { letAnswer, started, stored } = yield* serving({ afterCommit: wait })
      const running = yield* started("Hello")
      yield* letAnswer
      yield* reached
      // The lease has been given back, and the watch comes round.
      assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 2 }])
      yield* TestClock.adjust("2 seconds")
      yield* pass
      expect(yield* Fiber.join(running)).toMatchObject({ _tag: "Success" })
    })
  )

  it.effect.each(["beforeCommit", "afterCommit"] as const)(
    "is written whole and accounted once when its client goes, %s",
    (moment) =>
      Effect.gen(function* () {
        const { pass, reached, wait } = yield* Stop.make
        const { accounted, letAnswer, started, stored } = yield* serving({ [moment]: wait })
        const running = yield* started("Hello")
        yield* letAnswer
        yield* reached
        const leaving = yield* Effect.forkChild(Fiber.interrupt(running))
        yield* Effect.yieldNow
        yield* pass
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(yield* stored, [{ lease_token: null, count: 2 }])
        assert.strictEqual(yield* accounted, 1)
      })
  )

  it.effect("is accounted once when it was written and nobody heard of it", () =>
    Effect.gen(function* () {
      const { accounted, letAnswer, started, stored } = yield* serving({ afterCommit: Effect.die("connection reset") })
      const running = yield* started("Hello")
      yield* letAnswer
      expect(yield* Fiber.join(running)).toMatchObject({ _tag: "Failure" })
      assert.strictEqual((yield* stored)[0]?.count, 2)
      assert.strictEqual(yield* accounted, 1)
    })
  )

  it.effect("can still lose to a deletion, and is accounted without an answer", () =>
    Effect.gen(function* () {
      const { accounted, drain, letAnswer, sessionId, started } = yield* serving()
      const sql = yield* SqlClient.SqlClient
      const running = yield* started("Hello")
      yield* sql`DELETE FROM sessions WHERE session_id = ${sessionId}`
      yield* letAnswer
      expect(yield* Effect.flip(Effect.flatten(Fiber.join(running)))).toMatchObject({ _tag: "TurnCancelled" })
      yield* drain(0)
      assert.strictEqual(yield* accounted, 1)
    })
  )
})
