/**
 * The right to write to a session: one turn has it at a time, on any number of servers. It is taken from a turn by
 * whoever cancels it, clears its session or deletes it, and runs out when a server dies.
 */
import { NoTurnRunning, TurnInProgress } from "@parley/domain/Chat"
import { BudgetExceeded } from "@parley/domain/Limits"
import { type MessageId, type SessionId, SessionNotFound } from "@parley/domain/Sessions"
import type { UserId } from "@parley/domain/Users"
import { Effect, Exit, Fiber, Option } from "effect"
import { SecureRandom } from "effect/crypto"
import { isUnreachable } from "../Sql/isUnreachable.ts"
import { settings } from "../Usage/settings.ts"
import type { Call } from "./CallsRepo.ts"
import * as LeasesRepo from "./LeasesRepo.ts"

/** What is to be done for a turn that ended otherwise than by writing its answer. */
interface Debt extends LeasesRepo.Debt {
  readonly userId: UserId
  /** To be accounted when the lease is given back. */
  spent: ReadonlyArray<Call>
  /** Nothing was written under the lease, so it is to be accounted also when that is lost. */
  inVain: boolean
}

export interface Lease extends Debt {
  /**
   * From here on only the database decides whether it is held. To be called before the statement that gives the lease
   * back, because that would look like a loss.
   */
  readonly letGo: Effect.Effect<void>
}

export interface Claim {
  readonly userId: UserId
  readonly sessionId: SessionId
  /** One that is stored already needs no turn, and gets no lease. */
  readonly messageId: MessageId | undefined
}

/** How soon a turn ends whose lease was taken on another server, or with its session. */
const watchInterval = "1 second"

/** More than so many are left to run out. */
const maxOwed = 1000

interface Taken extends Lease {
  readonly isTaken: boolean
  /** Why not. */
  readonly refusal: BudgetExceeded | TurnInProgress
}

const nothing = { spent: [], inVain: false }

interface Holder extends LeasesRepo.Lease {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** Not yet, while it is being taken. */
  isHeld: boolean
}

export const make = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const repo = yield* LeasesRepo.make
  const monthlyLimitEur = yield* settings.monthlyLimitEur.config
  /** The turns of this server, by token. */
  const holders = new Map<string, Holder>()
  /** Of turns that ended while the database was not there to take them back, or that may have got them nevertheless. */
  const owed = new Set<Debt>()
  const owe = (debt: Debt) => Effect.sync(() => void (owed.size < maxOwed && owed.add(debt)))
  /** It may be sent twice: what is held is given back once. */
  const pay = Effect.fnUntraced(function* (debt: Debt) {
    const freed = yield* repo.release(debt)
    if (Option.isNone(freed) && debt.inVain && debt.spent.length > 0) yield* repo.account(debt)
  })
  const settle = (isMeant: (debt: Debt) => boolean) =>
    Effect.forEach([...owed].filter(isMeant), (debt) =>
      Effect.suspend(() => {
        owed.delete(debt)
        return Effect.onError(pay(debt), () => owe({ ...debt, inVain: false }))
      })
    )

  /** One statement for all turns. Interrupts those that lost their lease. */
  const watch = Effect.gen(function* () {
    const held = [...holders.values()].filter((holder) => holder.isHeld)
    if (held.length > 0) {
      const kept = new Set((yield* repo.keep(held)).map((row) => row.lease_token))
      for (const { token } of held) if (!kept.has(token)) holders.get(token)?.fiber.interruptUnsafe()
    }
    yield* settle(() => true)
  })
  yield* Effect.sleep(watchInterval).pipe(
    Effect.andThen(watch),
    // A database that does not answer has not given a lease to anybody.
    Effect.ignoreCause,
    Effect.forever,
    Effect.forkScoped
  )

  const take = Effect.fnUntraced(function* ({ messageId, sessionId, userId }: Claim) {
    // Who asks again need not wait until the watch comes round.
    yield* Effect.orDie(settle((debt) => debt.sessionId === sessionId))
    const fiber = yield* Effect.withFiber(Effect.succeed)
    const token = yield* random.uuidV4()
    // Known before it is held, so that whoever revokes it finds its turn.
    const holder: Holder = { sessionId, token, fiber, isHeld: false }
    holders.set(token, holder)
    const letGo = Effect.sync(() => holders.delete(token))
    return yield* Effect.orDie(
      repo.take({ userId, sessionId, token, messageId: messageId ?? null, monthlyLimitEur })
    ).pipe(
      Effect.flatMap(Option.match({ onNone: () => new SessionNotFound({}), onSome: Effect.succeed })),
      Effect.tap(({ taken }) => (taken ? Effect.sync(() => void (holder.isHeld = true)) : letGo)),
      Effect.onError((cause) =>
        Effect.andThen(letGo, isUnreachable(cause) ? owe({ ...nothing, userId, sessionId, token }) : Effect.void)
      ),
      Effect.map(({ over_budget, resets_at, resets_in, taken }): Taken => ({
        ...nothing,
        userId,
        sessionId,
        token,
        letGo,
        isTaken: taken,
        refusal: over_budget ? BudgetExceeded.until(resets_at, resets_in) : new TurnInProgress({})
      }))
    )
  })

  return {
    /**
     * Runs `use` in a fiber that is interrupted when the lease is lost; without the lease, `otherwise`, which is told why
     * there is none if it is not that the message is stored.
     */
    hold: <A, E, E2>(
      claim: Claim,
      use: (lease: Lease) => Effect.Effect<A, E>,
      otherwise: (refusal: BudgetExceeded | TurnInProgress) => Effect.Effect<A, E2>
    ): Effect.Effect<A, E | E2 | SessionNotFound> =>
      Effect.acquireUseRelease(
        take(claim),
        (lease): Effect.Effect<A, E | E2> => (lease.isTaken ? use(lease) : otherwise(lease.refusal)),
        (lease, exit) => {
          const wasLetGo = !holders.delete(lease.token)
          if (!lease.isTaken || (wasLetGo && Exit.isSuccess(exit))) return Effect.void
          // Whoever waits for the turn need not wait for the database a second time.
          return Exit.isFailure(exit) && isUnreachable(exit.cause)
            ? owe(lease)
            : // It may have been paid: then the lease is no longer held, and nothing more is accounted.
              Effect.catchCause(pay(lease), () => owe({ ...lease, inVain: false }))
        }
      ),

    /** Takes the lease from the turn that has it and, if that runs here, waits for its end. */
    revoke: Effect.fnUntraced(function* (userId: UserId, sessionId: SessionId) {
      const found = yield* Effect.orDie(repo.revoke({ userId, sessionId }))
      if (Option.isNone(found)) return yield* new SessionNotFound({})
      const { revoked } = found.value
      if (revoked === null) return yield* new NoTurnRunning({})
      const holder = holders.get(revoked)
      if (holder !== undefined) yield* Fiber.interrupt(holder.fiber)
    })
  }
})
