import { NodeRedis, NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Layer, Schedule, Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import { randomUUID } from "node:crypto"
import { RealRedis } from "../../test/RealRedis.ts"
import * as TestLog from "../../test/TestLog.ts"
import { layerConfig, TestServer } from "../../test/TestServer.ts"
import { makeRedis } from "./FixedWindows.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Limits } from "./Limits.ts"
import * as Store from "./Store.ts"

/** The store of another server, on this Redis. */
const newStore = Effect.gen(function* () {
  const { url } = yield* RealRedis
  const context = yield* Layer.build(
    Layer.fresh(Store.layer).pipe(Layer.provide([layerConfig({ REDIS_URL: url }), Metrics.layer]))
  )
  return Context.get(context, RateLimiter.RateLimiterStore)
})

type AnyStore = RateLimiter.RateLimiterStore["Service"]

const take = ({ fixedWindow }: AnyStore, key: string, limit = 2) =>
  fixedWindow({ key, limit, tokens: 1, refillRate: Duration.divideUnsafe(Duration.hours(1), limit) })

/** How many of three requests get through where two may. */
const passedOfThree = Effect.fnUntraced(function* (store: AnyStore) {
  const key = randomUUID()
  const counts = yield* Effect.forEach([1, 2, 3], () => take(store, key))
  return counts.filter(([count]) => count <= 2).length
})

/** Whether two servers count together. */
const together = Effect.fnUntraced(function* (here: AnyStore, there: AnyStore) {
  const key = randomUUID()
  yield* take(here, key)
  return (yield* take(there, key))[0] === 2
})

const untilTogether = (here: AnyStore, there: AnyStore) =>
  Effect.repeat(together(here, there), { until: (is) => is, schedule: Schedule.spaced("100 millis") })

/** What the log says of Redis, and at which level. */
const told = Effect.map(TestLog.all, (lines) =>
  lines.flatMap(({ level, message }) => (message.startsWith("Redis") ? `${message.replace(/:.*/u, "")}: ${level}` : []))
)

/** Goes on asking until this is what the log said last. Nothing is said twice in a row. */
const untilTold = (expected: string, store: AnyStore) =>
  Effect.gen(function* () {
    yield* take(store, "anybody")
    const lines = yield* told
    for (const [n, line] of lines.entries()) assert.notStrictEqual(line, lines[n - 1])
    return lines.at(-1) === expected
  }).pipe(Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("100 millis") }))

const gone = "Redis does not answer: WARN"
const back = "Redis answers again: INFO"

/** For one test. */
const withRedis = (redis: typeof RealRedis.layer) =>
  Effect.provide(Layer.fresh(Layer.merge(redis.pipe(Layer.provide(NodeServices.layer)), TestLog.layer)))

layer(Layer.empty, { excludeTestServices: true })("with Redis", (it) => {
  it.effect("servers count together: exactly so many get through of five hundred on two of them", () =>
    Effect.gen(function* () {
      const { url } = yield* RealRedis
      // Without the impatience that makes a server count for itself.
      const store = Layer.effect(RateLimiter.RateLimiterStore, makeRedis).pipe(Layer.provide(NodeRedis.layer({ url })))
      const server = Layer.fresh(Limits.layerNoDeps.pipe(Layer.provide(store))).pipe(
        Layer.provide([layerConfig({ RATE_LIMIT_CHAT: "30 per hour" }), Metrics.layer])
      )
      const servers = yield* Effect.all([Layer.build(server), Layer.build(server)])
      const answers = yield* Effect.forEach(
        Array.from({ length: 250 }, () => servers).flat(),
        (services) => Context.get(services, Limits).take("chat", "somebody"),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(answers, 500)
      assert.lengthOf(
        answers.filter(({ error }) => error === undefined),
        30
      )
    }).pipe(withRedis(RealRedis.layer))
  )

  it.effect("servers start without it, count for themselves, and together when it is there", () =>
    Effect.gen(function* () {
      const redis = yield* RealRedis
      const [here, there] = yield* Effect.all([newStore, newStore])
      assert.strictEqual(yield* passedOfThree(here), 2)
      assert.isFalse(yield* together(here, there))
      yield* redis.start
      yield* untilTogether(here, there)
    }).pipe(withRedis(RealRedis.layerStopped))
  )

  it.effect("servers go on when it dies, and come back to it", () =>
    Effect.gen(function* () {
      const redis = yield* RealRedis
      const [here, there] = yield* Effect.all([newStore, newStore])
      yield* untilTogether(here, there)
      yield* redis.kill
      for (let n = 0; n < 20; n++) assert.strictEqual(yield* passedOfThree(here), 2)
      yield* untilTold(gone, here)
      yield* redis.start
      yield* untilTold(back, here)
      yield* untilTogether(here, there)
    }).pipe(withRedis(RealRedis.layer))
  )

  it.effect("servers wait a moment for one that hangs, and not each time", () =>
    Effect.gen(function* () {
      const redis = yield* RealRedis
      const [here, there] = yield* Effect.all([newStore, newStore])
      yield* untilTogether(here, there)
      yield* redis.freeze
      const [duration] = yield* Effect.timed(Effect.repeat(passedOfThree(here), { times: 30 }))
      assert.isBelow(Duration.toMillis(duration), 2500)
      assert.strictEqual(yield* passedOfThree(here), 2)
      yield* untilTold(gone, here)
      yield* redis.thaw
      yield* untilTogether(here, there)
    }).pipe(withRedis(RealRedis.layer))
  )

  it.effect("a server ends also when it hangs", () =>
    Effect.gen(function* () {
      const redis = yield* RealRedis
      const scope = yield* Scope.make()
      const store = yield* Scope.provide(newStore, scope)
      yield* take(store, "somebody")
      yield* redis.freeze
      yield* take(store, "somebody")
      yield* Effect.timeout(Scope.close(scope, Exit.void), "5 seconds")
    }).pipe(withRedis(RealRedis.layer))
  )
})

const settings = { RATE_LIMIT_DEFAULT: "100 per hour" }
const layerServer = Layer.unwrap(
  Effect.map(RealRedis, ({ url }) => TestServer.layerWith({ settings: { ...settings, REDIS_URL: url } }))
).pipe(Layer.provideMerge(RealRedis.layer), Layer.provide(NodeServices.layer))

layer(layerServer, { excludeTestServices: true })("a server whose Redis dies", (it) => {
  it.effect("goes on to answer, and to refuse", () =>
    Effect.gen(function* () {
      const redis = yield* RealRedis
      const server = yield* TestServer
      const token = yield* server.register
      const me = Effect.map(server.ask("GET", "/v1/users/me", { token }), ({ status }) => status)
      const many = Effect.all(
        Array.from({ length: 150 }, () => me),
        { concurrency: 20 }
      )
      const [before] = yield* Effect.all([many, Effect.delay(redis.kill, "50 millis")], { concurrency: "unbounded" })
      const statuses = [...before, ...(yield* many)]
      assert.isEmpty(statuses.filter((status) => status !== 200 && status !== 429))
      const answered = statuses.filter((status) => status === 200).length
      assert.isAtLeast(answered, 100)
      assert.isAtMost(answered, 200)
      assert.strictEqual(yield* me, 429)
    })
  )
})
