import { assert, layer } from "@effect/vitest"
import { User } from "@parley/domain/Users"
import { DateTime, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { loggedIn, login, me, newcomer, password, refreshed } from "../../test/TestAccount.ts"
import { TestServer } from "../../test/TestServer.ts"
import { whenBlocked } from "../../test/whenBlocked.ts"
import { randomUUID } from "node:crypto"

const decodeUser = Schema.decodeUnknownEffect(User)
const another = "Another-horse-8"

const changeEmail = (token: string, email: string, current_password = password) =>
  me("PATCH", token, { email, current_password })

const changePassword = (token: string, new_password: string, current_password = password) =>
  me("POST", token, { current_password, new_password }, "/password")

layer(TestServer.layer, { excludeTestServices: true })("a change of the e-mail address", (it) => {
  it.effect("is told with the account, and the next login takes the new address", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      const before = yield* Effect.flatMap(me("GET", token), ({ json }) => decodeUser(json))
      const reply = yield* changeEmail(token, ` New.${email.toUpperCase()} `)
      assert.strictEqual(reply.status, 200, reply.text)
      const after = yield* decodeUser(reply.json)
      assert.deepStrictEqual({ ...after, updated_at: before.updated_at }, { ...before, email: `new.${email}` })
      assert.isTrue(DateTime.isGreaterThan(after.updated_at, before.updated_at))
      assert.deepStrictEqual((yield* me("GET", token)).json, reply.json)
      assert.deepStrictEqual([(yield* login(email)).status, (yield* login(`new.${email}`)).status], [401, 200])
    })
  )

  it.effect("to the same address is none, and no error", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      const reply = yield* changeEmail(token, email)
      assert.strictEqual(reply.status, 200, reply.text)
      assert.nestedPropertyVal(reply.json, "email", email)
    })
  )

  it.effect("is refused for an address that is taken, and with a wrong password", () =>
    Effect.gen(function* () {
      const [person, other] = [yield* newcomer, yield* newcomer]
      const taken = yield* changeEmail(person.token, other.email)
      assert.deepStrictEqual([taken.status, taken.json], [400, { detail: "Email already registered" }])
      const wrong = yield* changeEmail(person.token, `new.${person.email}`, "Wrong-horse-7")
      assert.deepStrictEqual([wrong.status, wrong.json], [400, { detail: "Current password is incorrect" }])
      // Or a client would take its token for one that is no longer good.
      assert.isNull(wrong.headers.get("www-authenticate"))
      assert.strictEqual((yield* login(person.email)).status, 200)
    })
  )

  it.effect("of two accounts to one address at the same time succeeds once", () =>
    Effect.gen(function* () {
      const people = yield* Effect.all([newcomer, newcomer, newcomer])
      const replies = yield* Effect.forEach(people, ({ token }) => changeEmail(token, "wanted@example.com"), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(replies.map(({ status }) => status).toSorted(), [200, 400, 400])
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a change of the password", (it) => {
  it.effect("ends all other logins at once, and leaves the one that asked", () =>
    Effect.gen(function* () {
      const { email, refresh_token, token } = yield* newcomer
      const [other, stranger] = [yield* loggedIn(email), yield* newcomer]
      assert.strictEqual((yield* me("GET", other.access_token)).status, 200)
      const reply = yield* changePassword(token, another)
      assert.deepStrictEqual([reply.status, reply.text], [204, ""])
      assert.strictEqual((yield* me("GET", other.access_token)).status, 401)
      assert.strictEqual(yield* refreshed(other.refresh_token), 401)
      assert.strictEqual((yield* me("GET", token)).status, 200)
      assert.strictEqual(yield* refreshed(refresh_token), 200)
      assert.strictEqual((yield* me("GET", stranger.token)).status, 200)
      assert.deepStrictEqual([(yield* login(email)).status, (yield* login(email, another)).status], [401, 200])
    })
  )

  it.effect("moves the time of the account's last change", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const { updated_at: before } = yield* Effect.flatMap(me("GET", token), ({ json }) => decodeUser(json))
      yield* changePassword(token, another)
      const { updated_at: after } = yield* Effect.flatMap(me("GET", token), ({ json }) => decodeUser(json))
      assert.isTrue(DateTime.isGreaterThan(after, before))
    })
  )

  it.effect("with a wrong password changes nothing", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      const other = yield* loggedIn(email)
      const reply = yield* changePassword(token, another, "Wrong-horse-7")
      assert.deepStrictEqual([reply.status, reply.json], [400, { detail: "Current password is incorrect" }])
      assert.strictEqual((yield* me("GET", other.access_token)).status, 200)
      assert.deepStrictEqual([(yield* login(email)).status, (yield* login(email, another)).status], [200, 401])
    })
  )

  it.effect("is told all that is wrong with it at once", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const reply = yield* me("POST", token, { current_password: 7, new_password: "abc", again: "abc" }, "/password")
      assert.deepStrictEqual(reply.json, {
        detail: "Validation error",
        errors: [
          { field: "again", message: "Unknown field" },
          { field: "current_password", message: "Password must be a string" },
          { field: "new_password", message: "Password must have at least 8 characters" },
          { field: "new_password", message: "Password must contain at least one uppercase letter" },
          { field: "new_password", message: "Password must contain at least one number" },
          { field: "new_password", message: "Password must contain at least one special character" }
        ]
      })
    })
  )

  it.effect("at the same time as another succeeds once", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      const wanted = Array.from({ length: 5 }, (_, index) => `Another-horse-${index}`)
      const replies = yield* Effect.forEach(wanted, (next) => changePassword(token, next), { concurrency: "unbounded" })
      assert.deepStrictEqual(replies.map(({ status }) => status).toSorted(), [204, 400, 400, 400, 400])
      const winner = wanted[replies.findIndex(({ status }) => status === 204)] ?? ""
      assert.strictEqual((yield* login(email, winner)).status, 200)
    })
  )

  it.effect("is waited for by a login with the old password, which then comes too late", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { email, id } = yield* newcomer
      const late = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`UPDATE users SET hashed_password = 'another' WHERE id = ${id}`
          return yield* whenBlocked(login(email))
        })
      )
      assert.strictEqual((yield* late).status, 401)
      assert.lengthOf(yield* sql`SELECT FROM login_families WHERE user_id = ${id}`, 1)
    })
  )

  it.effect("ends a login too that is just being opened", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { id, token } = yield* newcomer
      const familyId = randomUUID()
      const changed = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM users WHERE id = ${id} FOR SHARE`
          yield* sql`INSERT INTO login_families (id, user_id) VALUES (${familyId}, ${id})`
          return yield* whenBlocked(changePassword(token, another))
        })
      )
      assert.strictEqual((yield* changed).status, 204)
      assert.lengthOf(yield* sql`SELECT FROM login_families WHERE id = ${familyId} AND revoked_at IS NULL`, 0)
    })
  )
})
