import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import * as TestAccount from "../../test/TestAccount.ts"
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
const me = (token: string) => Effect.flatMap(TestServer, (server) => server.ask("GET", "/v1/users/me", { token }))

layer(TestServer.layer, { excludeTestServices: true })("registering", (it) => {
  it.effect("makes an account and logs it in", () =>
    Effect.gen(function* () {
      const reply = yield* register(" New.User@Example.COM ")
      assert.strictEqual(reply.status, 201, reply.text)
      assert.nestedPropertyVal(reply.json, "user.email", "new.user@example.com")
      assert.nestedPropertyVal(reply.json, "token_type", "bearer")
      assert.notInclude(reply.text, "hash")
      const { access_token } = yield* pairOf(reply)
      const whoami = yield* me(access_token)
      assert.strictEqual(whoami.status, 200)
      assert.deepNestedPropertyVal({ json: reply.json }, "json.user", whoami.json)
    })
  )

  for (const email of ["o'brien@x.com", "a+b@x.com", "jörg@exämple.de", "x_y-z.1@sub.domain.example"])
    it.effect(`takes ${email} as it is`, () =>
      Effect.gen(function* () {
        const reply = yield* register(email)
        assert.strictEqual(reply.status, 201, reply.text)
        assert.nestedPropertyVal(reply.json, "user.email", email)
        assert.strictEqual((yield* login(email)).status, 200)
      })
    )

  it.effect("is refused for an address that is taken, however it is written", () =>
    Effect.gen(function* () {
      yield* register("taken@example.com")
      for (const email of ["taken@example.com", "TAKEN@example.com", "  Taken@Example.com\n"]) {
        const reply = yield* register(email)
        assert.strictEqual(reply.status, 400)
        assert.strictEqual(reply.text, '{"detail":"Email already registered"}')
      }
    })
  )

  it.effect("one address at the same time succeeds once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const replies = yield* Effect.forEach(
        ["twice@example.com", "Twice@example.com", "TWICE@EXAMPLE.COM", " twice@example.com "],
        register,
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(replies.map(({ status }) => status).toSorted(), [201, 400, 400, 400])
      assert.lengthOf(yield* sql`SELECT id FROM users WHERE email = 'twice@example.com'`, 1)
    })
  )

  it.effect("stores no password, but its hash", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* register("hashed@example.com")
      const [row] = yield* sql<{
        hashed_password: string
      }>`SELECT hashed_password FROM users WHERE email = 'hashed@example.com'`
      assert.match(row?.hashed_password ?? "", /^\$2b\$04\$.{53}$/u)
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("logging in", (it) => {
  it.effect("does not mind how the address is written, but how the password is", () =>
    Effect.gen(function* () {
      yield* register("Mixed.Case@Example.com")
      for (const email of ["mixed.case@example.com", "MIXED.CASE@EXAMPLE.COM", " Mixed.Case@Example.com "])
        assert.strictEqual((yield* login(email)).status, 200, email)
      for (const attempt of ["correct-horse-7", "Correct-horse-7 ", " Correct-horse-7", "x"])
        assert.strictEqual((yield* login("mixed.case@example.com", attempt)).status, 401, attempt)
    })
  )

  it.effect("tells nobody whether it was the address or the password", () =>
    Effect.gen(function* () {
      yield* register("known@example.com")
      const [unknown, wrong] = [yield* login("unknown@example.com"), yield* login("known@example.com", "wrong")]
      for (const { headers, status, text } of [unknown, wrong]) {
        assert.strictEqual(status, 401)
        assert.strictEqual(text, '{"detail":"Invalid credentials"}')
        assert.strictEqual(headers.get("www-authenticate"), "Bearer")
      }
    })
  )

  it.effect("works with the form of OAuth2 as API explorers send it", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      yield* register("form+user@example.com")
      const form = new URLSearchParams({
        grant_type: "password",
        username: "Form+User@example.com",
        password,
        scope: "",
        client_id: "docs"
      })
      const reply = yield* server.ask("POST", "/v1/auth/login", {
        body: form.toString(),
        headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" }
      })
      assert.strictEqual(reply.status, 200, reply.text)
      assert.strictEqual((yield* me((yield* pairOf(reply)).access_token)).status, 200)
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a token", (it) => {
  it.effect("is of no use once the account is gone, even while the login is still remembered", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { access_token } = yield* Effect.flatMap(register("gone@example.com"), pairOf)
      assert.strictEqual((yield* me(access_token)).status, 200)
      yield* sql`DELETE FROM users WHERE email = 'gone@example.com'`
      const server = yield* TestServer
      const opening = server.ask("POST", "/v1/chat/sessions", { token: access_token, body: {} })
      for (const ask of [me(access_token), TestAccount.me("GET", access_token, undefined, "/export"), opening]) {
        const reply = yield* ask
        assert.deepStrictEqual([reply.status, reply.json], [401, { detail: "Invalid or expired token" }])
      }
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a token of one kind", (it) => {
  it.effect("is of no use as one of the other", () =>
    Effect.gen(function* () {
      const { access_token, refresh_token } = yield* Effect.flatMap(register("kinds@example.com"), pairOf)
      const reply = yield* me(refresh_token)
      assert.deepStrictEqual([reply.status, reply.json], [401, { detail: "Invalid or expired token" }])
      const refreshed = yield* post("refresh", { refresh_token: access_token })
      assert.deepStrictEqual(
        [refreshed.status, refreshed.json],
        [422, { detail: "Validation error", errors: [{ field: "refresh_token", message: "Not a refresh token" }] }]
      )
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("logging out", (it) => {
  for (const [how, body] of [
    ["without a body", undefined],
    ["with null", "null"],
    ["with an empty object", {}],
    ["here only", { everywhere: false }]
  ] as const)
    it.effect(`${how} ends this login, at once`, () =>
      Effect.gen(function* () {
        const email = `${how.replaceAll(" ", ".")}@example.com`
        const here = yield* Effect.flatMap(register(email), pairOf)
        const there = yield* Effect.flatMap(login(email), pairOf)
        const reply = yield* post("logout", body, here.access_token)
        assert.strictEqual(reply.status, 204, reply.text)
        assert.strictEqual(reply.text, "")
        const after = yield* me(here.access_token)
        assert.strictEqual(after.status, 401)
        assert.deepStrictEqual(after.json, { detail: "Invalid or expired token" })
        assert.strictEqual((yield* post("refresh", { refresh_token: here.refresh_token })).status, 401)
        assert.strictEqual((yield* me(there.access_token)).status, 200)
      })
    )

  it.effect("everywhere ends every login of the account", () =>
    Effect.gen(function* () {
      const here = yield* Effect.flatMap(register("everywhere@example.com"), pairOf)
      const there = yield* Effect.flatMap(login("everywhere@example.com"), pairOf)
      assert.strictEqual((yield* post("logout", { everywhere: true }, here.access_token)).status, 204)
      for (const { access_token, refresh_token } of [here, there]) {
        assert.strictEqual((yield* me(access_token)).status, 401)
        assert.strictEqual((yield* post("refresh", { refresh_token })).status, 401)
      }
      assert.strictEqual((yield* login("everywhere@example.com")).status, 200)
    })
  )

  it.effect("wants a token", () => Effect.map(post("logout", {}), ({ status }) => assert.strictEqual(status, 401)))
})
