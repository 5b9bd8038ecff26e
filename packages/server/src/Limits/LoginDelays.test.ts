import { NodeCrypto } from "@effect/platform-node"
import { assert, describe, it, layer } from "@effect/vitest"
import { Email, InvalidCredentials } from "@parley/domain/Users"
import { Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { TestServer } from "../../test/TestServer.ts"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { layerMemory } from "./FixedWindows.ts"
import { LoginDelays } from "./LoginDelays.ts"

const wrong = Effect.fail(new InvalidCredentials({}))
const right = Effect.succeed("logged in")

/** Attempts at one account: what comes of each, a delay as its seconds. */
const account = Effect.map(LoginDelays, ({ guard, know }) => {
  const email = Email.make(`${randomUUID()}@example.com`)
  const attempt = (login: Effect.Effect<string, InvalidCredentials>) =>
    Effect.match(guard(email, login), {
      onFailure: (error) => (error._tag === "LoginDelayed" ? error.retryAfterSeconds : "failed"),
      onSuccess: (answer) => answer
    })
  return {
    attempt,
    register: know(email),
    fail: (times: number) => Effect.forEach(Array.from({ length: times }), () => attempt(wrong))
  }
})

/** Whoever asks from there. */
const from = (clientAddress: string) =>
  Layer.succeed(RequestFacts, { route: "none", login: undefined, clientAddress, span: undefined })

const isolated = Effect.provide(Layer.provide(LoginDelays.layerNoDeps, [layerMemory, NodeCrypto.layer]))

describe("a login", () => {
  it.effect("is delayed after five failures, twice as long after each that follows, at the most a minute", () =>
    Effect.gen(function* () {
      const { attempt, fail } = yield* account
      assert.deepStrictEqual(
        yield* fail(5),
        Array.from({ length: 5 }, () => "failed")
      )
      for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
        assert.strictEqual(yield* attempt(wrong), seconds)
        yield* TestClock.adjust(Duration.seconds(seconds - 0.1))
        assert.strictEqual(yield* attempt(wrong), 1)
        yield* TestClock.adjust("100 millis")
        assert.strictEqual(yield* attempt(wrong), "failed")
      }
    }).pipe(isolated)
  )

  it.effect("that is delayed fails with the right password too, and makes the delay no longer", () =>
    Effect.gen(function* () {
      const { attempt, fail } = yield* account
      yield* fail(5)
      for (let n = 0; n < 20; n++) assert.strictEqual(yield* attempt(right), 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* attempt(right), "logged in")
    }).pipe(isolated)
  )

  it.effect("that succeeds makes the failures before it forgotten", () =>
    Effect.gen(function* () {
      const { attempt, fail } = yield* account
      yield* fail(4)
      assert.strictEqual(yield* attempt(right), "logged in")
      assert.deepStrictEqual(yield* fail(6), ["failed", "failed", "failed", "failed", "failed", 1])
    }).pipe(isolated)
  )

  it.effect("is never delayed by those that succeeded", () =>
    Effect.gen(function* () {
      const { attempt } = yield* account
      for (let n = 0; n < 50; n++) assert.strictEqual(yield* attempt(right), "logged in")
    }).pipe(isolated)
  )

  it.effect("is delayed no more a quarter of an hour after the first failure", () =>
    Effect.gen(function* () {
      const { fail } = yield* account
      yield* fail(5)
      yield* TestClock.adjust("15 minutes")
      assert.deepStrictEqual(yield* fail(6), ["failed", "failed", "failed", "failed", "failed", 1])
    }).pipe(isolated)
  )

  it.effect("to one account is not delayed by failures at another", () =>
    Effect.gen(function* () {
      const [one, other] = yield* Effect.all([account, account])
      yield* one.fail(10)
      assert.strictEqual(yield* other.attempt(right), "logged in")
    }).pipe(isolated)
  )

  it.effect("from where the account was logged in to is not delayed by failures elsewhere", () =>
    Effect.gen(function* () {
      const { attempt, fail } = yield* account
      assert.strictEqual(yield* Effect.provide(attempt(right), from("2001:db8:1:2::1")), "logged in")
      yield* Effect.provide(fail(10), from("203.0.113.7"))
      assert.strictEqual(yield* Effect.provide(attempt(right), from("203.0.113.8")), 1)
      assert.strictEqual(yield* Effect.provide(attempt(right), from("2001:db8:1:2::99")), "logged in")
      assert.strictEqual(yield* Effect.provide(attempt(right), from("203.0.113.8")), 1)
      yield* TestClock.adjust("30 days")
      yield* Effect.provide(fail(5), from("203.0.113.7"))
      assert.strictEqual(yield* Effect.provide(attempt(right), from("2001:db8:1:2::1")), 1)
    }).pipe(isolated)
  )

  it.effect("from where the account was made is not delayed by failures elsewhere", () =>
    Effect.gen(function* () {
      const { attempt, fail, register } = yield* account
      yield* Effect.provide(register, from("203.0.113.7"))
      yield* Effect.provide(fail(10), from("203.0.113.8"))
      assert.strictEqual(yield* Effect.provide(attempt(right), from("203.0.113.7")), "logged in")
    }).pipe(isolated)
  )

  it.effect("from where the account was logged in to is delayed by failures from there", () =>
    Effect.gen(function* () {
      const { attempt, fail } = yield* account
      assert.strictEqual(yield* Effect.provide(attempt(right), from("203.0.113.7")), "logged in")
      assert.strictEqual((yield* Effect.provide(fail(6), from("203.0.113.7"))).at(-1), 1)
      assert.strictEqual(yield* Effect.provide(attempt(right), from("203.0.113.8")), "logged in")
    }).pipe(isolated)
  )

  it.effect("is tried five times, however many come at once", () =>
    Effect.gen(function* () {
      const { attempt } = yield* account
      let tried = 0
      const slow = Effect.sync(() => void tried++).pipe(Effect.andThen(Effect.sleep("1 second")), Effect.andThen(wrong))
      yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 500 }), () => attempt(slow), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(tried, 5)
    }).pipe(isolated)
  )

  it.effect("that could not be tried is nobody's failure", () =>
    Effect.gen(function* () {
      const { attempt } = yield* account
      for (let n = 0; n < 20; n++) yield* Effect.exit(attempt(Effect.die("no database")))
      assert.strictEqual(yield* attempt(right), "logged in")
    }).pipe(isolated)
  )

  it.effect("leaves nothing in the store that tells the e-mail address", () =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      const store = Layer.effect(
        RateLimiter.RateLimiterStore,
        Effect.map(RateLimiter.RateLimiterStore, (store) => ({
          ...store,
          fixedWindow: (options) => {
            keys.push(options.key)
            return store.fixedWindow(options)
          }
        }))
      ).pipe(Layer.provide(layerMemory))
      const delays = Layer.provide(LoginDelays.layerNoDeps, [store, NodeCrypto.layer])
      const login = Effect.flatMap(LoginDelays, ({ guard }) => guard(Email.make("ada@example.com"), right))
      yield* Effect.provide(login, delays)
      assert.isNotEmpty(keys)
      for (const key of keys) assert.match(key, /^(?:known|failures):[\w-]{43}(?::unknown)?$/u)
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a login over HTTP", (it) => {
  const password = "Correct-horse-7"
  const login = (email: string, password: string) =>
    Effect.flatMap(TestServer, (server) => server.ask("POST", "/v1/auth/login", { body: { email, password } }))

  for (const exists of [true, false])
    it.effect(`to an account that ${exists ? "exists" : "does not exist"} is slowed down, however it is written`, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const email = `${randomUUID()}@example.com`
        const register = server.ask("POST", "/v1/auth/register", { body: { email, password } })
        const { access_token } = exists ? Object((yield* register).json) : { access_token: undefined }
        for (let n = 0; n < 5; n++) assert.strictEqual((yield* login(email.toUpperCase(), "wrong")).status, 401)
        const refused = yield* login(` ${email}`, password)
        assert.strictEqual(refused.status, 429)
        assert.strictEqual(refused.text, '{"detail":"Too many failed logins"}')
        assert.strictEqual(refused.headers.get("retry-after"), "1")
        if (!exists) return
        assert.strictEqual((yield* server.ask("GET", "/v1/users/me", { token: access_token })).status, 200)
        yield* Effect.sleep("1 second")
        assert.strictEqual((yield* login(email, password)).status, 200)
      })
    )
})
