import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { anotherServer, newcomer, password } from "../../test/TestAuth.ts"
import * as TestAuth from "../../test/TestAuth.ts"
import { isGood, type Pair, refresh, refused } from "../../test/TestLogin.ts"
import { untilWaiting } from "../../test/whenBlocked.ts"
import { Auth } from "./Auth.ts"

layer(TestAuth.layer)("a login that is ended", (it) => {
  it.effect("is over at once on the server that ended it", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      const pair = yield* newcomer
      assert.isTrue(yield* isGood(pair))
      yield* auth.logout(yield* auth.authenticate(Redacted.make(pair.access_token)), false)
      assert.isFalse(yield* isGood(pair))
      yield* refused(pair)
    })
  )

  it.effect("is over too when whoever ends it does not wait for the answer", () =>
    Effect.gen(function* () {
      const [auth, sql, pair] = [yield* Auth, yield* SqlClient.SqlClient, yield* newcomer]
      const login = yield* auth.authenticate(Redacted.make(pair.access_token))
      const locked = yield* Deferred.make<void>()
      const leaving = yield* Effect.forkDetach(Effect.andThen(Deferred.await(locked), auth.logout(login, false)))
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM login_families WHERE id = ${login.familyId} FOR UPDATE`
          yield* Deferred.succeed(locked, undefined)
          yield* untilWaiting(1, leaving)
          leaving.interruptUnsafe()
        })
      )
      yield* Fiber.await(leaving)
      assert.isFalse(yield* isGood(pair))
      yield* refused(pair)
    })
  )

  it.effect("is over within 30 seconds on every other server", () =>
    Effect.gen(function* () {
      const here = yield* Auth
      const there = yield* Effect.provide(Auth, anotherServer())
      const pair = yield* newcomer
      const goodThere = Effect.provideService(isGood(pair), Auth, there)
      assert.isTrue(yield* goodThere)
      yield* here.logout(yield* here.authenticate(Redacted.make(pair.access_token)), false)
      yield* TestClock.adjust("29 seconds")
      assert.isTrue(yield* goodThere, "if it is never asked anew, this test proves nothing")
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* goodThere)
    })
  )

  it.effect("by a change of the password is over within 30 seconds on every other server, too", () =>
    Effect.gen(function* () {
      const here = yield* Auth
      const there = yield* Effect.provide(Auth, anotherServer())
      const pair = yield* newcomer
      const other = yield* here.login({ email: pair.email, password })
      const goodThere = (pair: Pair) => Effect.provideService(isGood(pair), Auth, there)
      assert.deepStrictEqual([yield* goodThere(pair), yield* goodThere(other)], [true, true])
      const login = yield* here.authenticate(Redacted.make(pair.access_token))
      yield* here.changePassword(login, password, Redacted.make("Another-horse-8"))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([yield* goodThere(pair), yield* goodThere(other)], [true, false])
    })
  )

  it.effect("for good is forgotten with the next login, when nobody can use any of its tokens any more", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      const sql = yield* SqlClient.SqlClient
      const { email, ...first } = yield* newcomer
      const stranger = yield* newcomer
      const idOf = (pair: Pair) =>
        Effect.map(auth.authenticate(Redacted.make(pair.access_token)), ({ familyId }) => familyId)
      const [unused, used, strangers] = [yield* idOf(first), yield* idOf(yield* refresh(first)), yield* idOf(stranger)]
      assert.strictEqual(unused, used)
      const recent = yield* Effect.flatMap(auth.login({ email, password }), idOf)
      // Its refresh token has expired, but an access token of thirty days may still be about.
      const accessible = yield* Effect.flatMap(auth.login({ email, password }), idOf)
      yield* sql`UPDATE refresh_tokens SET expires_at = now() - interval '1 second',
        created_at = now() - (CASE family_id WHEN ${accessible} THEN interval '29 days' ELSE interval '31 days' END)
        WHERE family_id IN ${sql.in([unused, accessible, strangers])}`
      const newest = yield* Effect.flatMap(auth.login({ email, password }), idOf)
      const kept = yield* sql<{ id: string }>`SELECT id FROM login_families
        WHERE id IN ${sql.in([unused, recent, accessible, newest, strangers])}`
      assert.sameMembers(
        kept.map(({ id }) => id),
        [recent, accessible, newest, strangers]
      )
      assert.lengthOf(yield* sql`SELECT FROM refresh_tokens WHERE family_id = ${unused}`, 0)
    })
  )

  it.effect("leaves the other logins of the account alone, unless all are ended", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      const phone = yield* newcomer
      const laptop = yield* auth.login({ email: phone.email, password })
      const stranger = yield* newcomer
      yield* auth.logout(yield* auth.authenticate(Redacted.make(phone.access_token)), false)
      assert.deepStrictEqual([yield* isGood(phone), yield* isGood(laptop)], [false, true])
      const tablet = yield* auth.login({ email: phone.email, password })
      assert.isTrue(yield* isGood(tablet))
      yield* auth.logout(yield* auth.authenticate(Redacted.make(laptop.access_token)), true)
      assert.deepStrictEqual(
        [yield* isGood(laptop), yield* isGood(tablet), yield* isGood(stranger)],
        [false, false, true]
      )
      yield* refused(tablet)
    })
  )

  it.effect("is over when its account is gone", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const pair = yield* newcomer
      yield* sql`DELETE FROM users WHERE email = ${pair.email}`
      assert.isFalse(yield* isGood(pair))
      yield* refused(pair)
    })
  )
})
