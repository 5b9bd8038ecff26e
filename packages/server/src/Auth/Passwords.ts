import bcrypt from "@node-rs/bcrypt"
import { Context, Effect, Layer, Redacted, Semaphore } from "effect"
import { settings } from "./settings.ts"

/** Hashing with bcrypt, in native threads: the event loop goes on. */
export class Passwords extends Context.Service<
  Passwords,
  {
    readonly hash: (password: Redacted.Redacted) => Effect.Effect<Redacted.Redacted>
    readonly verify: (password: Redacted.Redacted, hash: Redacted.Redacted) => Effect.Effect<boolean>
    /** Takes as long as `verify` does, for a user who does not exist. */
    readonly verifyNothing: (password: Redacted.Redacted) => Effect.Effect<false>
    /** Whether the hash was made with fewer rounds than are set now. */
    readonly isOutdated: (hash: Redacted.Redacted) => boolean
  }
>()("@parley/server/Passwords") {
  static readonly layer = Layer.effect(
    Passwords,
    Effect.gen(function* () {
      const rounds = yield* settings.bcryptRounds.config
      // Node has four native threads, and checking a token's signature or looking up a name needs one as well: with
      // four hashes under way every request would wait for a password.
      const permits = yield* Semaphore.make(2)

      // A native thread cannot be stopped: one whose client has gone keeps its permit until it is done.
      const native = <A>(work: () => Promise<A>) => permits.withPermit(Effect.uninterruptible(Effect.promise(work)))

      const hashWith = (password: Redacted.Redacted, cost: number) =>
        native(() => bcrypt.hash(Redacted.value(password), { cost }))

      const hash = Effect.fn("Passwords.hash")((password: Redacted.Redacted) =>
        Effect.map(hashWith(password, rounds), (hash) => Redacted.make(hash))
      )
      const verify = Effect.fn("Passwords.verify")(function* (password: Redacted.Redacted, hash: Redacted.Redacted) {
        if (yield* native(() => bcrypt.compare(Redacted.value(password), Redacted.value(hash)))) return true
        // A hash made with fewer rounds is checked sooner, which would tell that there is such an account. Each round
        // doubles the time: 12 take what 10, once more 10, and 11 take together.
        for (let cost = roundsOf(hash); cost < rounds; cost++) yield* hashWith(password, cost)
        return false
      })
      const nobodysHash = yield* Effect.cached(hash(Redacted.make("nobody's password")))
      const verifyNothing = Effect.fn("Passwords.verifyNothing")((password: Redacted.Redacted) =>
        nobodysHash.pipe(
          Effect.flatMap((hash) => verify(password, hash)),
          Effect.as(false as const)
        )
      )
      yield* Effect.forkScoped(nobodysHash)

      return Passwords.of({ hash, verify, verifyNothing, isOutdated: (hash) => roundsOf(hash) < rounds })
    })
  )
}

/** `$2b$12$...` was made with 12 rounds. */
const roundsOf = (hash: Redacted.Redacted): number => Number(Redacted.value(hash).split("$")[2])
