import { assert, layer } from "@effect/vitest"
import { Effect, Redacted, Result, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { anotherServer, newcomer, password } from "../../test/TestAuth.ts"
import * as TestAuth from "../../test/TestAuth.ts"
import { isGood, type Pair, refresh, refused } from "../../test/TestLogin.ts"
import { Auth } from "./Auth.ts"

const familyOf = ({ access_token }: Pair) =>
  Effect.flatMap(Auth, (auth) => Effect.map(auth.authenticate(Redacted.make(access_token)), ({ familyId }) => familyId))

/** As if this many seconds had passed for the database since the login's tokens were used. */
const age = Effect.fnUntraced(function* (familyId: string, seconds: number) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE refresh_tokens SET used_at = used_at - make_interval(secs => ${seconds}),
    expires_at = expires_at - make_interval(secs => ${seconds}) WHERE family_id = ${familyId}`
})

layer(TestAuth.layer)("a refresh token", (it) => {
  it.effect("is traded for a new pair, and the access token before stays good", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const second = yield* refresh(first)
      assert.notStrictEqual(second.refresh_token, first.refresh_token)
      assert.notStrictEqual(second.access_token, first.access_token)
      assert.isTrue(yield* isGood(first))
      assert.isTrue(yield* isGood(second))
      yield* refresh(second)
    })
  )

  it.effect("that was just used is merely refused: two tabs of a browser must not log a person out", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const second = yield* refresh(first)
      yield* age(yield* familyOf(first), 9)
      yield* refused(first)
      assert.isTrue(yield* isGood(second))
      yield* refresh(second)
    })
  )

  it.effect("that comes back later ends the login", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const second = yield* refresh(first)
      yield* age(yield* familyOf(first), 11)
      yield* refused(first)
      assert.isFalse(yield* isGood(second))
      yield* refused(second)
    })
  )

  it.effect("that is two generations old ends the login, however soon it comes back", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const second = yield* refresh(first)
      const third = yield* refresh(second)
      yield* refused(first)
      assert.isFalse(yield* isGood(third))
      yield* refused(third)
    })
  )

  it.effect("that comes back ends its own login only", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      const phone = yield* newcomer
      const laptop = yield* auth.login({ email: phone.email, password })
      yield* refresh(yield* refresh(phone))
      yield* refused(phone)
      assert.isFalse(yield* isGood(phone))
      assert.isTrue(yield* isGood(laptop))
      yield* refresh(laptop)
    })
  )

  it.effect("ends the login at once without a grace", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const second = yield* refresh(first)
      yield* refused(first)
      assert.isFalse(yield* isGood(second))
    }).pipe(Effect.provide(anotherServer({ REFRESH_REUSE_GRACE_SECONDS: "0" })))
  )

  it.effect("expires", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      yield* age(yield* familyOf(first), 365 * 86_400 - 60)
      const second = yield* refresh(first)
      yield* age(yield* familyOf(first), 365 * 86_400 + 60)
      yield* refused(second)
      assert.isTrue(yield* isGood(second))
    })
  )

  it.effect("is forgotten when it has expired, and not before", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const first = yield* newcomer
      const familyId = yield* familyOf(first)
      const kept = Effect.map(sql`SELECT 1 FROM refresh_tokens WHERE family_id = ${familyId}`, (rows) => rows.length)
      const second = yield* refresh(first)
      const third = yield* refresh(second)
      assert.strictEqual(yield* kept, 3)
      yield* sql`UPDATE refresh_tokens SET expires_at = now() - interval '1 second'
        WHERE family_id = ${familyId} AND used_at IS NOT NULL`
      yield* refresh(third)
      assert.strictEqual(yield* kept, 2)
    })
  )

  it.effect("that nobody gave out is refused", () => refused({ access_token: "", refresh_token: "a".repeat(43) }))

  it.effect("is nowhere stored as it is", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { refresh_token } = yield* newcomer
      const rows = yield* sql`SELECT row_to_json(t)::text AS row FROM refresh_tokens t`
      assert.isNotEmpty(rows)
      const stored = JSON.stringify(rows)
      assert.notInclude(stored, refresh_token)
      assert.notInclude(stored, Buffer.from(refresh_token, "base64url").toString("hex"))
    })
  )

  it.effect("sent two hundred times at once wins once, and the login lives", () =>
    Effect.gen(function* () {
      const first = yield* newcomer
      const servers = yield* Effect.all([Auth, Effect.provide(Auth, anotherServer())])
      const sent = Array.from({ length: 200 }, (_, index) => servers[index % 2] ?? servers[0])
      const results = yield* Effect.forEach(
        sent,
        (auth) => Effect.result(auth.refresh(Redacted.make(first.refresh_token))),
        { concurrency: "unbounded" }
      )
      const winners = results.filter(Result.isSuccess)
      assert.lengthOf(winners, 1)
      for (const { success } of winners) {
        assert.isTrue(yield* isGood(success))
        yield* refresh(success)
      }
    })
  )

  const Step = Schema.Literals(["the newest", "the one before", "an older one", "time passes"])

  it.effect.prop(
    "is good or not as its place in the chain says, whatever is sent in whatever order",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.gen(function* () {
        const chain: Array<Pair> = [yield* newcomer]
        const familyId = yield* familyOf(chain[0] ?? assert.fail())
        let isOpen = true
        let isRecent = true
        for (const step of steps) {
          const back = { "the newest": 1, "the one before": 2, "an older one": 3, "time passes": 0 }[step]
          const pair = chain.at(-back)
          if (back === 0) {
            yield* age(familyId, 11)
            isRecent = false
          } else if (pair !== undefined && back <= chain.length) {
            const result = yield* Effect.result(refresh(pair))
            assert.strictEqual(Result.isSuccess(result), isOpen && back === 1, step)
            if (Result.isSuccess(result)) {
              chain.push(result.success)
              isRecent = true
            } else if (back === 3 || (back === 2 && !isRecent)) isOpen = false
          }
          assert.strictEqual(yield* isGood(chain[0] ?? assert.fail()), isOpen, step)
        }
      }),
    { arbitrary: { runs: 30 } }
  )
})
