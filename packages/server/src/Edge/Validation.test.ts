import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { rawRequest } from "../../test/rawRequest.ts"
import { type Reply, TestServer } from "../../test/TestServer.ts"

const Errors = Schema.Struct({
  detail: Schema.Literal("Validation error"),
  errors: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String }))
})

/** The errors of a 422, as "field: message". */
const errorsOf = (reply: Pick<Reply, "status" | "text">) => {
  assert.strictEqual(reply.status, 422, reply.text)
  const { errors } = Schema.decodeUnknownSync(Schema.fromJsonString(Errors), { onExcessProperty: "error" })(reply.text)
  return errors.map(({ field, message }) => `${field}: ${message}`)
}

const register = (body: unknown) =>
  Effect.flatMap(TestServer, (server) => server.ask("POST", "/v1/auth/register", { body }))

/** A cursor like ours, with a time that JavaScript has and PostgreSQL has not. */
const timeBeforeTimes = Buffer.from('["-271821-04-20T00:00:00.000Z","0199c0de-0000-7000-8000-000000000002"]').toString(
  "base64url"
)

const noBody = ["body: Expected a valid JSON body"]
const noObject = ["body: Must be an object"]
const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`

layer(TestServer.layer, { excludeTestServices: true })("a request that does not decode", (it) => {
  for (const [what, body, expected] of [
    ["cut off", '{"email": "a@x.com"', noBody],
    ["no JSON", "email=a@x.com", noBody],
    ["with a comment", "{} // nothing", noBody],
    ["with a trailing comma", '{"email": "a@x.com",}', noBody],
    ["empty", "", noObject],
    ["null", "null", noObject],
    ["a list", "[]", noObject],
    ["a text", '"x"', noObject],
    ["a number", "7", noObject],
    ["a deep list", nested(10_000, "[", "]"), noObject],
    [
      "a deep field",
      `{"email": ${nested(10_000, '{"a":', "}")}, "password": "Correct-horse-7"}`,
      ["email: Must be an e-mail address"]
    ],
    [
      "a deep unknown field",
      `{"email": "a@x.com", "password": "Correct-horse-7", "x": ${nested(10_000, "[", "]")}}`,
      ["x: Unknown field"]
    ]
  ] as const)
    it.effect(`is told so when its body is ${what}`, () =>
      Effect.map(register(body), (reply) => assert.deepStrictEqual(errorsOf(reply), expected))
    )

  it.effect("is told a hundred of its problems at the most", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 50_000 }, (_, index) => `field${index}`)
      const errors = errorsOf(yield* register(Object.fromEntries(names.map((name) => [name, 0]))))
      assert.deepStrictEqual(
        errors,
        names.slice(0, 100).map((name) => `${name}: Unknown field`)
      )
    })
  )

  it.effect("is told every failing field and rule at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(errorsOf(yield* register({ email: "nobody", password: "abc", rememberMe: true })), [
        "rememberMe: Unknown field",
        "email: Must be an e-mail address",
        "password: Password must have at least 8 characters",
        "password: Password must contain at least one uppercase letter",
        "password: Password must contain at least one number",
        "password: Password must contain at least one special character"
      ])
      assert.deepStrictEqual(errorsOf(yield* register({})), ["email: Field is required", "password: Field is required"])
      assert.deepStrictEqual(errorsOf(yield* register({ email: 7, password: null })), [
        "email: Must be an e-mail address",
        "password: Password must be a string"
      ])
    })
  )

  it.effect("cannot pass fields off as ones that every object has", () =>
    Effect.gen(function* () {
      const body = '{"__proto__": {"email": "a@x.com"}, "constructor": 1, "password": "Correct-horse-7"}'
      assert.deepStrictEqual(errorsOf(yield* register(body)), [
        "__proto__: Unknown field",
        "constructor: Unknown field",
        "email: Field is required"
      ])
    })
  )

  it.effect("counts the last of fields that are there twice, as JSON readers do", () =>
    Effect.gen(function* () {
      const reply = yield* register('{"email": "nobody", "email": "twice@x.com", "password": "Correct-horse-7"}')
      assert.strictEqual(reply.status, 201, reply.text)
      assert.nestedPropertyVal(reply.json, "user.email", "twice@x.com")
    })
  )

  it.effect("is not one that merely begins with a byte order mark", () =>
    Effect.gen(function* () {
      const reply = yield* register('\ufeff{"email": "bom@x.com", "password": "Correct-horse-7"}')
      assert.strictEqual(reply.status, 201, reply.text)
    })
  )

  it.effect("is told so when its bytes are no UTF-8", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const send = (...chunks: ReadonlyArray<string | Uint8Array>) =>
        rawRequest(url, {
          method: "POST",
          path: "/api/v1/auth/register",
          headers: { "content-type": "application/json" },
          chunks
        })
      const broken = new Uint8Array([0xc3, 0x28, 0xff])
      assert.deepStrictEqual(errorsOf(yield* send(broken)), noBody)
      assert.deepStrictEqual(
        errorsOf(yield* send('{"email": "a', broken, '@x.com", "password": "Correct-horse-7', broken, '"}')),
        ["email: Must be an e-mail address", "password: Password must not contain NUL or broken Unicode"]
      )
    })
  )

  it.effect("names each bad field of a chat request", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const body = { session_id: 7, content: " \n ", message_id: "x", on_disconnect: "stay", role: "system" }
      assert.deepStrictEqual(errorsOf(yield* server.ask("POST", "/v1/chat", { token, body })), [
        "role: Unknown field",
        "session_id: Must be a UUID",
        "content: Content must have between 1 and 30000 characters",
        "message_id: Must be a UUID",
        "on_disconnect: Must be cancel or continue"
      ])
    })
  )

  const queries: ReadonlyArray<readonly [query: string, expected: ReadonlyArray<string>]> = [
    ["limit=0", ["limit: Must be a whole number from 1 to 100"]],
    ["limit=101", ["limit: Must be a whole number from 1 to 100"]],
    ["limit=abc", ["limit: Must be a whole number from 1 to 100"]],
    ["limit=1.5", ["limit: Must be a whole number from 1 to 100"]],
    ["limit=", ["limit: Must be a whole number from 1 to 100"]],
    ["limit=1&limit=2", ["limit: Must be a whole number from 1 to 100"]],
    ["cursor=garbage", ["cursor: Must be a cursor of this list"]],
    ["cursor=%00", ["cursor: Must be a cursor of this list"]],
    ["cursor=", ["cursor: Must be a cursor of this list"]],
    [`cursor=${timeBeforeTimes}`, ["cursor: Must be a cursor of this list"]],
    ["limt=5", ["limt: Unknown field"]],
    ["limit=x&cursor=y", ["limit: Must be a whole number from 1 to 100", "cursor: Must be a cursor of this list"]]
  ]
  for (const [query, expected] of queries)
    it.effect(`is told what is wrong with ?${query}`, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const token = yield* server.register
        const reply = yield* server.ask("GET", `/v1/chat/sessions?${query}`, { token })
        assert.deepStrictEqual(errorsOf(reply), [...expected])
      })
    )

  for (const id of ["abc", "7", "0199c0de-0000-7000-8000-00000000000g", "a".repeat(500), "..%2f..%2fetc", "%00"])
    it.effect(`is told that ${id.slice(0, 40)} is no id`, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const token = yield* server.register
        const reply = yield* server.ask("GET", `/v1/chat/sessions/${id}`, { token })
        assert.deepStrictEqual(errorsOf(reply), ["session_id: Must be a UUID"])
      })
    )

  it.effect("is refused for its token first: a stranger learns nothing of what is asked for", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      for (const body of ["{", {}]) {
        assert.strictEqual((yield* server.ask("POST", "/v1/chat", { body })).status, 401)
      }
    })
  )

  it.effect("is told of the form as of JSON", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const login = (form: string) =>
        server.ask("POST", "/v1/auth/login", {
          body: form,
          headers: { "content-type": "application/x-www-form-urlencoded" }
        })
      assert.deepStrictEqual(errorsOf(yield* login("username=a@x.com&password=x&grant_type=refresh_token")), [
        "grant_type: Must be password"
      ])
      assert.deepStrictEqual(errorsOf(yield* login("grant_type=password&email=a@x.com")), [
        "email: Unknown field",
        "username: Field is required",
        "password: Field is required"
      ])
      assert.deepStrictEqual(errorsOf(yield* login("")), ["username: Field is required", "password: Field is required"])
      const known = "username=a%40x.com&password=x&grant_type=password&scope=&client_id=docs&client_secret="
      assert.strictEqual((yield* login(known)).status, 401)
    })
  )

  it.effect("is told of a log-out that it asks for in the wrong words", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const logout = (body: unknown) => server.ask("POST", "/v1/auth/logout", { token, body })
      assert.deepStrictEqual(errorsOf(yield* logout({ everywhere: "yes" })), ["everywhere: Must be true or false"])
      assert.deepStrictEqual(errorsOf(yield* logout([])), noObject)
    })
  )
})
