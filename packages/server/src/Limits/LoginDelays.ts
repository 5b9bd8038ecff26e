import { LoginDelayed } from "@parley/domain/Limits"
import type { Email } from "@parley/domain/Users"
import { Cause, Context, Duration, Effect, Exit, Layer } from "effect"
import { Digest } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { RateLimiter } from "effect/persistence"
import * as Store from "./Store.ts"

/** Attempts in a row that need not wait for each other, the one that opens the first delay included. */
const freeAttempts = 5

/** After the first of them failures are forgotten. */
const memory = Duration.minutes(15)

const longestDelay = Duration.seconds(60)

/**
 * Slows down whoever guesses the password of one account, from however many addresses: after five failures one attempt
 * is let through in 1 s, then in 2, 4 and so on up to 60 s. Nobody is locked out for good, and who is logged in stays so.
 */
export class LoginDelays extends Context.Service<
  LoginDelays,
  {
    /**
     * An attempt counts as failed before it is made, so that many at once are no way around. Success forgets the
     * failures. An attempt that comes too early is refused, whatever its password, and changes nothing.
     */
    readonly guard: <A, E, R>(email: Email, attempt: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LoginDelayed, R>
  }
>()("@parley/server/Limits/LoginDelays") {
  static readonly layerNoDeps = Layer.effect(
    LoginDelays,
    Effect.gen(function* () {
      const store = yield* RateLimiter.RateLimiterStore
      const digest = yield* Digest.Digest

      /** The store answers for its own failures. */
      const take = (key: string, tokens: number, limit: number, window: Duration.Duration) =>
        Effect.orDie(store.fixedWindow({ key, tokens, limit, refillRate: Duration.divideUnsafe(window, limit) }))

      /** Its number among the failures, or a refusal. */
      const enter = Effect.fnUntraced(function* (hash: string) {
        const [number] = yield* take(`failures:${hash}`, 1, freeAttempts - 1, memory)
        if (number < freeAttempts) return number
        // Whoever opens the next delay may try.
        const [taken, left] = yield* take(`delay:${hash}`, 1, 1, delayAfter(number))
        if (taken > 1) return yield* LoginDelayed.after(Math.ceil(left / 1000))
        const [counted] = yield* take(`failures:${hash}`, 1, unlimited, memory)
        return counted
      })

      const guard = Effect.fn("LoginDelays.guard")(function* <A, E, R>(email: Email, attempt: Effect.Effect<A, E, R>) {
        // Of the address itself the store learns nothing, nor whether there is such an account.
        const hash = Base64Url.encode(yield* Effect.orDie(digest.digest(Digest.sha256, textEncoder.encode(email))))
        const number = yield* enter(hash)
        const giveBack = Effect.fnUntraced(function* (failures: number) {
          yield* take(`failures:${hash}`, -failures, unlimited, memory)
          if (number >= freeAttempts) yield* take(`delay:${hash}`, -1, 1, longestDelay)
        })
        return yield* Effect.onExit(attempt, (exit) => {
          if (Exit.isSuccess(exit)) return giveBack(number)
          // That the database is away is nobody's failure to log in.
          return Cause.hasDies(exit.cause) ? giveBack(1) : Effect.void
        })
      })

      return LoginDelays.of({ guard })
    })
  )

  static readonly layer = LoginDelays.layerNoDeps.pipe(Layer.provide(Store.layer))
}

const textEncoder = new TextEncoder()

const unlimited = 1_000_000

const delayAfter = (attempts: number) =>
  Duration.min(Duration.seconds(2 ** Math.min(attempts - freeAttempts, 10)), longestDelay)
