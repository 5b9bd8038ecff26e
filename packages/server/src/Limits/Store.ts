/** Where limits are counted: in Redis when there is one, for all servers together; else, and while it is away, here. */
import { NodeRedis } from "@effect/platform-node"
import { Context, Duration, Effect, Fiber, Layer, Option, Redacted, References, Stream } from "effect"
import { CircuitBreaker, RateLimiter } from "effect/persistence"
import { Metrics } from "../Telemetry/Metrics.ts"
import { type FixedWindow, layerMemory, makeRedis } from "./FixedWindows.ts"
import { settings } from "./settings.ts"

/** How long a request waits for Redis, in steps: a server that was busy itself looks again before it blames Redis. */
const patience = { steps: 5, step: Duration.millis(50) }

const outOfPatience = Effect.sleep(patience.step).pipe(
  Effect.repeat({ times: patience.steps - 1 }),
  Effect.andThen(Effect.fail("no answer"))
)

/** For how long Redis is left alone after that; then one request tries again. */
const pause = Duration.seconds(2)

/**
 * Never fails and never ends: it goes on connecting. A connection on which nothing moves is replaced, because a Redis
 * whose machine is gone does not close it.
 */
const connect = (url: Redacted.Redacted) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      NodeRedis.layer({
        url: Redacted.value(url),
        disableOfflineQueue: true,
        pingInterval: 2000,
        socket: {
          connectTimeout: 2000,
          socketTimeout: 5000,
          reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 1000)
        }
      })
    )
    // Closing would wait for the answers of a Redis that hangs.
    const { client } = Context.get(context, NodeRedis.NodeRedis)
    yield* Effect.addFinalizer(() => Effect.sync(() => client.destroy()))
    return yield* Effect.provide(makeRedis, context)
  }).pipe(
    // Each attempt in vain would be a line in the log.
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Effect.orDie,
    Effect.forkScoped
  )

const makeShared = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const local = yield* RateLimiter.RateLimiterStore
  const metrics = yield* Metrics
  const connecting = yield* connect(url)
  // The first requests should find it, if it is there.
  yield* Effect.timeoutOption(Fiber.await(connecting), Duration.seconds(1))
  const breaker = yield* CircuitBreaker.make({ tripPolicy: CircuitBreaker.consecutive(1), openDuration: pause })

  yield* breaker.transitions.pipe(
    Stream.runForEach(({ from, to }) => {
      if (from === "Closed") return Effect.logWarning("Redis does not answer: each server counts limits by itself")
      return to === "Closed" ? Effect.logInfo("Redis answers again: limits are counted there") : Effect.void
    }),
    Effect.forkScoped({ startImmediately: true })
  )

  const fixedWindow: FixedWindow = (options) =>
    Fiber.join(connecting).pipe(
      Effect.flatMap((redis) => redis.fixedWindow(options)),
      Effect.raceFirst(outOfPatience),
      Effect.tapError(() => metrics.limitStoreFailed),
      breaker.execute({ key: "redis" }),
      Effect.catch(() => local.fixedWindow(options))
    )

  return { ...local, fixedWindow }
}, Effect.provide(CircuitBreaker.layerStoreMemory()))

export const layer = Layer.unwrap(
  Effect.map(
    settings.redisUrl.config,
    Option.match({
      onNone: () => layerMemory,
      onSome: (url) => Layer.effect(RateLimiter.RateLimiterStore, makeShared(url)).pipe(Layer.provide(layerMemory))
    })
  )
)
