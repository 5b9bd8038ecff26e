import { LoginDelayed } from "@parley/domain/Limits"
import type { Email, FamilyId } from "@parley/domain/Users"
import { Cause, Context, Duration, Effect, Exit, Layer } from "effect"
import { Digest } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { RateLimiter } from "effect/persistence"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { networkOf } from "./networkOf.ts"
import * as Store from "./Store.ts"

/** Attempts in a row that need not wait for each other, the one that opens the first delay included. */
const freeAttempts = 5

/** After the first of them failures are forgotten. */
const memory = Duration.minutes(15)

const longestDelay = Duration.seconds(60)

/** For so long it is known from where an account was logged in to. */
const knownFor = Duration.days(30)

/**
 * Slows down whoever guesses the password of one account, from however many addresses: after five failures one attempt
 * is let through in 1 s, then in 2, 4 and so on up to 60 s. Who is logged in stays so; and from where the account was
 * logged in to, only failures from there count: else somebody who fails again and again would take every attempt that is
 * let through, and lock the owner out for as long.
 */
export class LoginDelays extends Context.Service<
  LoginDelays,
  {
    /**
     * An attempt counts as failed before it is made, so that many at once are no way around. Success forgets the
     * failures. An attempt that comes too early is refused, whatever its password, and changes nothing.
     */
    readonly guard: <A, E, R>(email: Email, attempt: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LoginDelayed, R>
    /** From here the account was made, which is as good as a login. */
    readonly know: (email: Email) => Effect.Effect<void>
    /**
     * The same for the password that somebody who is logged in is asked for: whoever has stolen a token may try to guess
     * it. Only failures of this one login delay it, so that neither the thief nor a stranger who fails to log in keeps the
     * owner, logged in elsewhere, from ending the thief's login. They count as failures to log in as well, so that one
     * way to guess does not begin anew where the other is delayed.
     */
    readonly guardConfirmation: <A, E, R>(
      login: Confirming,
      attempt: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | LoginDelayed, R>
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

      /** One failure more, of so many then. */
      const count = (who: string) => Effect.map(take(`failures:${who}`, 1, unlimited, memory), ([counted]) => counted)

      /** Its number among the failures, or a refusal. */
      const enter = Effect.fnUntraced(function* (who: string) {
        const [number] = yield* take(`failures:${who}`, 1, freeAttempts - 1, memory)
        if (number < freeAttempts) return number
        // Whoever opens the next delay may try.
        const [taken, left] = yield* take(`delay:${who}`, 1, 1, delayAfter(number))
        if (taken > 1) return yield* LoginDelayed.after(Math.ceil(left / 1000))
        return yield* count(who)
      })

      const delayed = Effect.fnUntraced(function* <A, E, R>(who: string, attempt: Effect.Effect<A, E, R>) {
        const number = yield* enter(who)
        const giveBack = Effect.fnUntraced(function* (failures: number) {
          yield* take(`failures:${who}`, -failures, unlimited, memory)
          if (number >= freeAttempts) yield* take(`delay:${who}`, -1, 1, longestDelay)
        })
        return yield* Effect.onExit(attempt, (exit) => {
          if (Exit.isSuccess(exit)) return giveBack(number)
          return isFailure(exit) ? Effect.void : giveBack(1)
        })
      })

      /** Of the address itself the store learns nothing, nor whether there is such an account. */
      const hashOf = (email: string) =>
        Effect.map(Effect.orDie(digest.digest(Digest.sha256, textEncoder.encode(email))), Base64Url.encode)

      /** The account, and the account as it is seen from the network that asks. */
      const seen = Effect.fnUntraced(function* (email: string) {
        const account = yield* hashOf(email)
        return { account, there: `${account}:${networkOf((yield* RequestFacts).clientAddress)}` }
      })
      const remember = (there: string) => take(`known:${there}`, 1, 1, knownFor)

      /** Whose failures count for a login to this account from here. */
      const countedFor = Effect.fnUntraced(function* ({ account, there }: Effect.Success<ReturnType<typeof seen>>) {
        const [isKnown] = yield* take(`known:${there}`, 0, 1, knownFor)
        return isKnown > 0 ? there : account
      })

      const guard = Effect.fn("LoginDelays.guard")(function* <A, E, R>(email: Email, attempt: Effect.Effect<A, E, R>) {
        const from = yield* seen(email)
        return yield* Effect.tap(delayed(yield* countedFor(from), attempt), () => remember(from.there))
      })

      const know = Effect.fn("LoginDelays.know")(function* (email: Email) {
        yield* remember((yield* seen(email)).there)
      })

      const guardConfirmation = Effect.fn("LoginDelays.guardConfirmation")(function* <A, E, R>(
        { email, familyId }: Confirming,
        attempt: Effect.Effect<A, E, R>
      ) {
        const who = yield* countedFor(yield* seen(email))
        const counted = Effect.onExit(attempt, (exit) => (isFailure(exit) ? count(who) : Effect.void))
        return yield* delayed(familyId, counted)
      })

      return LoginDelays.of({ guard, know, guardConfirmation })
    })
  )

  static readonly layer = LoginDelays.layerNoDeps.pipe(Layer.provide(Store.layer))
}

/** A login, and the address of its account. */
interface Confirming {
  readonly familyId: FamilyId
  readonly email: string
}

/** That the database is away is nobody's failure to log in. */
const isFailure = (exit: Exit.Exit<unknown, unknown>): boolean => Exit.isFailure(exit) && !Cause.hasDies(exit.cause)

const textEncoder = new TextEncoder()

const unlimited = 1_000_000

const delayAfter = (attempts: number) =>
  Duration.min(Duration.seconds(2 ** Math.min(attempts - freeAttempts, 10)), longestDelay)
