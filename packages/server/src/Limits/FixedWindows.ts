/**
 * Fixed windows for Effect's `RateLimiter`: a window begins with its first request and ends when it is over, however much
 * comes in it. Effect's own stores do something else under this name: each request adds its share to the window's end,
 * so that 30 a minute are over two seconds after the first. And their memory forgets no caller.
 *
 * Tokens below zero give back what was taken; a window with nothing left in it has not begun. What Parley does not use of
 * a store is Effect's.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { RateLimiter, Redis } from "effect/persistence"

const { RateLimiterError, RateLimiterStore, RateLimitStoreError } = RateLimiter

export type FixedWindow = RateLimiter.RateLimiterStore["Service"]["fixedWindow"]

/** Callers that are remembered at the most; then those are forgotten that have been known for the longest time. */
export const capacity = 500_000

const windowMillis = ({ limit = 1, refillRate }: Parameters<FixedWindow>[0]): number =>
  Math.max(1, Math.round(Duration.toMillis(refillRate) * limit))

export interface Window {
  count: number
  readonly endsAt: number
}

/** For one process, remembered in `windows`. */
export const makeMemory = Effect.fnUntraced(function* (windows: Map<string, Window>) {
  const others = yield* RateLimiterStore

  yield* Effect.sleep("1 minute").pipe(
    Effect.andThen(Clock.currentTimeMillis),
    Effect.map((now) => {
      for (const [key, { endsAt }] of windows) if (endsAt <= now) windows.delete(key)
    }),
    Effect.forever,
    Effect.forkScoped
  )

  const open = (key: string, endsAt: number): Window => {
    windows.delete(key)
    const oldest = windows.size >= capacity ? windows.keys().next() : undefined
    if (oldest?.done === false) windows.delete(oldest.value)
    const window = { count: 0, endsAt }
    windows.set(key, window)
    return window
  }

  const fixedWindow: FixedWindow = (options) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const { key, limit = Infinity, tokens } = options
      const known = windows.get(key)
      const window = known !== undefined && known.endsAt > now ? known : open(key, now + windowMillis(options))
      const count = Math.max(0, window.count + tokens)
      if (count === 0) windows.delete(key)
      else if (count <= limit) window.count = count
      return [count, window.endsAt - now] as const
    })

  return { ...others, fixedWindow }
}, Effect.provide(RateLimiter.layerStoreMemory))

export const layerMemory = Layer.effect(
  RateLimiterStore,
  Effect.suspend(() => makeMemory(new Map()))
)

const script = Redis.script(
  (key: string, tokens: number, limit: number, window: number) => [key, tokens, limit, window],
  {
    numberOfKeys: 1,
    lua: `
local tokens, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = redis.call("PTTL", KEYS[1])
local count = math.max(0, tonumber(redis.call("GET", KEYS[1]) or "0") + tokens)
if count == 0 then
  redis.call("DEL", KEYS[1])
elseif left <= 0 then
  left = window
  redis.call("SET", KEYS[1], count, "PX", window)
elseif count <= limit then
  redis.call("SET", KEYS[1], count, "KEEPTTL")
end
return { count, left }
`
  }
).withReturnType<readonly [count: number, left: number]>()

/** For any number of processes, by the clock of Redis. */
export const makeRedis = Effect.gen(function* () {
  const others = yield* RateLimiter.makeStoreRedis({ prefix: "parley:limits:" })
  const run = (yield* Redis.Redis).eval(script)

  const fixedWindow: FixedWindow = (options) =>
    run(
      `parley:limits:${options.key}`,
      options.tokens,
      options.limit ?? Number.MAX_SAFE_INTEGER,
      windowMillis(options)
    ).pipe(
      Effect.mapError(
        (cause) =>
          new RateLimiterError({ reason: new RateLimitStoreError({ message: "Redis does not answer", cause }) })
      )
    )

  return { ...others, fixedWindow }
})
