import { type LimitName, type LimitWindow, RateLimitExceeded } from "@parley/domain/Limits"
import { Context, Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { Metrics } from "../Telemetry/Metrics.ts"
import { secondsOf, settings, type Windows } from "./settings.ts"
import * as Store from "./Store.ts"

/** What a caller is told of a limit, as headers of draft-ietf-httpapi-ratelimit-headers-10. */
export type LimitHeaders = {
  readonly "ratelimit-policy": string
  readonly ratelimit: string
}

/** Counts requests, on all servers together. */
export class Limits extends Context.Service<
  Limits,
  {
    /** Counts one request of the caller, unless it is too much: then it has the error as well. */
    readonly take: (
      name: LimitName,
      caller: string
    ) => Effect.Effect<{ readonly headers: LimitHeaders; readonly error: RateLimitExceeded | undefined }>
  }
>()("@parley/server/Limits") {
  static readonly layerNoDeps = Layer.effect(
    Limits,
    Effect.gen(function* () {
      const { fixedWindow } = yield* RateLimiter.RateLimiterStore
      const metrics = yield* Metrics
      const limits = {
        default: policyOf("default", yield* settings.default.config),
        chat: policyOf("chat", yield* settings.chat.config),
        "chat-stream": policyOf("chat-stream", yield* settings.chatStream.config),
        register: policyOf("register", yield* settings.register.config),
        login: policyOf("login", yield* settings.login.config),
        webhook: policyOf("webhook", yield* settings.webhook.config)
      }

      /** What is left in one window after this request, below zero if that was too much, and the seconds until it ends. */
      const takeFrom = ({ id, refillRate, window }: PolicyItem, caller: string) =>
        Effect.map(
          // The store has answered for its own failures.
          Effect.orDie(fixedWindow({ key: `${id}:${caller}`, tokens: 1, refillRate, limit: window.quota })),
          ([count, millisLeft]) => ({
            remaining: window.quota - count,
            endsIn: Math.max(1, Math.ceil(millisLeft / 1000))
          })
        )

      // Every request comes by here: no span. The shortest window comes first: what it refuses takes nothing from longer ones.
      const take = Effect.fnUntraced(function* (name: LimitName, caller: string) {
        const { header, items } = limits[name]
        const states: Array<string> = []
        let error: RateLimitExceeded | undefined
        for (const item of items) {
          const { endsIn, remaining } = yield* takeFrom(item, caller)
          states.push(`"${item.id}";r=${Math.max(0, remaining)};t=${endsIn}`)
          if (remaining >= 0) continue
          error = RateLimitExceeded.of(item.window, endsIn)
          break
        }
        yield* metrics.limitDecided(name, error === undefined)
        return { headers: { "ratelimit-policy": header, ratelimit: states.join(", ") }, error }
      })

      return Limits.of({ take })
    })
  )

  static readonly layer = Limits.layerNoDeps.pipe(Layer.provide(Store.layer))
}

interface PolicyItem {
  /** The name of the limit; with more than one window, also that of the window. */
  readonly id: string
  readonly seconds: number
  /** Of its window, the share of one request. */
  readonly refillRate: Duration.Duration
  readonly window: LimitWindow
}

const policyOf = (name: LimitName, windows: Windows) => {
  const items = windows.map((window): PolicyItem => {
    const length = window.count === 1 ? window.unit : `${window.count}-${window.unit}s`
    const seconds = secondsOf(window)
    const refillRate = Duration.divideUnsafe(Duration.seconds(seconds), window.quota)
    return { id: windows.length === 1 ? name : `${name}-${length}`, seconds, refillRate, window }
  })
  const header = items.map(({ id, seconds, window }) => `"${id}";q=${window.quota};w=${seconds}`).join(", ")
  return { header, items }
}
