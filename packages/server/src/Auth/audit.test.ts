import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as TestAccount from "../../test/TestAccount.ts"
import { newcomer } from "../../test/TestAccount.ts"
import { all, TestLog } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"

const Pair = Schema.Struct({ access_token: Schema.String, refresh_token: Schema.String })

const password = "Correct-horse-7"
const post = (path: string, body: unknown, token?: string) =>
  Effect.flatMap(TestServer, (server) =>
    server.ask("POST", `/v1/auth/${path}`, { body, ...(token === undefined ? {} : { token }) })
  )
const register = (email: string) => post("register", { email, password })
const login = (email: string, attempt = password) => post("login", { email, password: attempt })
const pairOf = ({ json }: { readonly json: unknown }) => Schema.decodeUnknownEffect(Pair)(json)
const me = (token: string) => TestAccount.me("GET", token)

layer(TestServer.layer, { excludeTestServices: true })("the audit log", (it) => {
  /** Its lines so far. */
  const audited = Effect.gen(function* () {
    const lines = yield* all
    return lines.filter(({ event }) => String(event).startsWith("auth."))
  })

  it.effect("has each attempt to log in, with its outcome, address and request, and no secret", () =>
    Effect.gen(function* () {
      const { lines } = yield* TestLog
      const email = "audited.person@example.com"
      const first = yield* Effect.flatMap(register(email), pairOf)
      yield* register(email)
      yield* login(email, "Wrong-horse-7")
      yield* login("no.such.person@example.com")
      const second = yield* Effect.flatMap(login(email), pairOf)
      const third = yield* Effect.flatMap(post("refresh", { refresh_token: first.refresh_token }), pairOf)
      yield* post("refresh", { refresh_token: first.refresh_token })
      const fourth = yield* Effect.flatMap(post("refresh", { refresh_token: third.refresh_token }), pairOf)
      yield* post("refresh", { refresh_token: first.refresh_token })
      yield* post("logout", undefined, second.access_token)
      yield* me(second.access_token)
      yield* post("login", { email, password: "x".repeat(73) })
      yield* post("register", { email: "not an address", password: "Bad secret" })

      const audit = yield* audited
      assert.deepStrictEqual(
        audit.map(({ event, level, outcome }) => [level, event, outcome]),
        [
          ["INFO", "auth.register", "success"],
          ["INFO", "auth.register", "email_taken"],
          ["INFO", "auth.login", "failure"],
          ["INFO", "auth.login", "failure"],
          ["INFO", "auth.login", "success"],
          ["INFO", "auth.refresh", "success"],
          ["INFO", "auth.refresh", "failure"],
          ["INFO", "auth.refresh", "success"],
          ["WARN", "auth.refresh", "reuse_detected"],
          ["INFO", "auth.logout", "success"]
        ]
      )
      for (const line of audit) {
        assert.isString(line["request_id"])
        assert.isString(line["client_address"])
      }
      const isKnown = audit.map(({ user_id }) => user_id !== undefined)
      assert.deepStrictEqual(isKnown, [true, false, true, false, true, true, false, true, true, true])

      const all = lines.join("\n").toLowerCase()
      const secrets = [email, "no.such.person", password, "wrong-horse", "bad secret", "not an address", "x".repeat(73)]
      const tokens = [first, second, third, fourth].flatMap((pair) => Object.values(pair))
      for (const secret of [...secrets, ...tokens]) assert.notInclude(all, secret.toLowerCase())
    })
  )

  it.effect("has what is done to an account, and nothing of what it is changed to", () =>
    Effect.gen(function* () {
      const before = (yield* audited).length
      const { email, id, token } = yield* newcomer
      const other = yield* newcomer
      const current_password = password
      yield* TestAccount.me("PATCH", token, { email: "renamed.person@example.com", current_password })
      yield* TestAccount.me("PATCH", token, { email: other.email, current_password })
      yield* TestAccount.me("PATCH", token, { email, current_password: "Wrong-horse-9" })
      const change = { current_password, new_password: "Renewed-horse-8" }
      yield* TestAccount.me("POST", token, change, "/password")
      yield* TestAccount.me("POST", token, change, "/password")
      yield* TestAccount.me("GET", token, undefined, "/export")
      yield* TestAccount.me("DELETE", token, { current_password })
      yield* TestAccount.me("DELETE", token, { current_password: change.new_password })

      const audit = (yield* audited).slice(before + 2)
      assert.deepStrictEqual(
        audit.map(({ event, outcome }) => [event, outcome]),
        [
          ["auth.email_change", "success"],
          ["auth.email_change", "email_taken"],
          ["auth.email_change", "failure"],
          ["auth.password_change", "success"],
          ["auth.password_change", "failure"],
          ["auth.export", "success"],
          ["auth.deletion", "failure"],
          ["auth.deletion", "success"]
        ]
      )
      for (const line of audit) {
        assert.strictEqual(line["user_id"], id)
        assert.isString(line["request_id"])
        assert.isString(line["client_address"])
      }
      const all = (yield* TestLog).lines.join("\n").toLowerCase()
      for (const secret of [email, other.email, "renamed.person", "wrong-horse-9", change.new_password, token])
        assert.notInclude(all, secret.toLowerCase())
    })
  )
})
