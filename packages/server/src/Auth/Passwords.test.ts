import { assert, describe, it, layer } from "@effect/vitest"
import { Email } from "@parley/domain/Users"
import { ConfigProvider, Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { anotherServer, newcomer, password } from "../../test/TestAuth.ts"
import * as TestAuth from "../../test/TestAuth.ts"
import { LoginDelays } from "../Limits/LoginDelays.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Users } from "../Users/Users.ts"
import { AccessTokens } from "./AccessTokens.ts"
import { Auth } from "./Auth.ts"
import { Passwords } from "./Passwords.ts"

const withRounds = (rounds: number) =>
  Layer.fresh(Passwords.layer).pipe(
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ BCRYPT_ROUNDS: String(rounds) })))
  )

describe("a hash", () => {
  it.effect("fits its password and no other", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      const hash = yield* passwords.hash(password)
      assert.match(Redacted.value(hash), /^\$2[aby]\$04\$/u)
      assert.isTrue(yield* passwords.verify(password, hash))
      for (const other of ["Correct-horse-8", "correct-horse-7", "Correct-horse-7 ", ""])
        assert.isFalse(yield* passwords.verify(Redacted.make(other), hash), other)
    }).pipe(Effect.provide(withRounds(4)))
  )

  it.effect("tells two passwords apart up to the last of their 72 bytes", () =>
    Effect.gen(function* () {
      const passwords = yield* Passwords
      const hash = yield* passwords.hash(Redacted.make("x".repeat(72)))
      assert.isFalse(yield* passwords.verify(Redacted.make(`${"x".repeat(71)}y`), hash))
    }).pipe(Effect.provide(withRounds(4)))
  )

  it.effect("takes a wrong password as long as a new one does when it was made with fewer rounds", () =>
    Effect.gen(function* () {
      const cheap = yield* Effect.flatMap(Passwords, ({ hash }) => hash(password)).pipe(Effect.provide(withRounds(4)))
      const { verify, verifyNothing } = yield* Effect.provide(Passwords, withRounds(10))
      const wrong = Redacted.make("Wrong-horse-7")
      yield* verifyNothing(wrong)
      // By the processor's time: on a busy machine the clock's says nothing.
      const cpuMicros = Effect.fnUntraced(function* (attempt: Effect.Effect<boolean>) {
        const before = process.cpuUsage()
        yield* attempt
        return process.cpuUsage(before).user
      })
      const each = yield* Effect.replicateEffect(
        Effect.all([cpuMicros(verify(wrong, cheap)), cpuMicros(verifyNothing(wrong))]),
        7
      )
      const ratio = Math.min(...each.map(([known]) => known)) / Math.min(...each.map(([, nobody]) => nobody))
      // One hash of four rounds alone would be a sixty-fourth of it.
      assert.isAbove(ratio, 0.5)
      assert.isBelow(ratio, 2)
    })
  )

  it.effect("is outdated when it was made with fewer rounds, and not when with more", () =>
    Effect.gen(function* () {
      const cheap = yield* Effect.flatMap(Passwords, ({ hash }) => hash(password)).pipe(Effect.provide(withRounds(4)))
      const dear = yield* Effect.flatMap(Passwords, ({ hash }) => hash(password)).pipe(Effect.provide(withRounds(6)))
      const { isOutdated } = yield* Effect.provide(Passwords, withRounds(5))
      assert.deepStrictEqual([isOutdated(cheap), isOutdated(dear)], [true, false])
    })
  )
})

const changed = "the hash of another password"

/** Counts what is asked of it instead of doing it, and waits where it is told to. */
const counting = (asked: Array<string>, hashing: Effect.Effect<void> = Effect.void) =>
  Layer.succeed(Passwords, {
    hash: () => Effect.as(hashing, Redacted.make("a new hash")),
    verify: (_, hash) => Effect.sync(() => asked.push("verify") > 0 && Redacted.value(hash) !== changed),
    verifyNothing: () => Effect.sync(() => void asked.push("verifyNothing")).pipe(Effect.as(false as const)),
    isOutdated: () => true
  })

const serverWith = (passwords: Layer.Layer<Passwords>) =>
  Layer.fresh(Auth.layerNoDeps).pipe(
    Layer.provide([passwords, AccessTokens.layer, LoginDelays.layer]),
    Layer.provide([TestAuth.layerSettings(), Metrics.layer])
  )

layer(TestAuth.layer)("a login", (it) => {
  const hashOf = Effect.fnUntraced(function* (email: Email) {
    const users = yield* Users
    const user = yield* users.findByEmail(email)
    return Option.isSome(user) ? Redacted.value(user.value.hashed_password) : assert.fail("no such user")
  })

  it.effect("with an unknown e-mail address takes the time that a wrong password takes", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const auth = yield* Effect.provide(Auth, serverWith(counting(asked)))
      const nobody = Email.make("nobody@example.com")
      const error = yield* Effect.flip(auth.login({ email: nobody, password }))
      assert.strictEqual(error.detail, "Invalid credentials")
      assert.deepStrictEqual(asked, ["verifyNothing"])
    })
  )

  it.effect("renews a hash that was made with fewer rounds than are set now", () =>
    Effect.gen(function* () {
      const { email } = yield* newcomer
      const before = yield* hashOf(email)
      const auth = yield* Effect.provide(Auth, anotherServer({ BCRYPT_ROUNDS: "5" }))
      yield* Effect.flip(auth.login({ email, password: Redacted.make("wrong") }))
      assert.strictEqual(yield* hashOf(email), before)
      yield* auth.login({ email, password })
      const after = yield* hashOf(email)
      assert.match(after, /^\$2[aby]\$05\$/u)
      yield* auth.login({ email, password })
      assert.strictEqual(yield* hashOf(email), after)
    })
  )

  it.effect(
    "that renews a hash comes too late when the password is changed meanwhile, and does not bring it back",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { email } = yield* newcomer
        const [hashing, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const waits = Effect.andThen(Deferred.succeed(hashing, undefined), Deferred.await(go))
        const auth = yield* Effect.provide(Auth, serverWith(counting([], waits)))
        const login = yield* Effect.forkChild(auth.login({ email, password }))
        yield* Deferred.await(hashing)
        yield* sql`UPDATE users SET hashed_password = ${changed} WHERE email = ${email}`
        yield* Deferred.succeed(go, undefined)
        assert.strictEqual((yield* Effect.flip(Fiber.join(login))).detail, "Invalid credentials")
        assert.strictEqual(yield* hashOf(email), changed)
      })
  )
})
