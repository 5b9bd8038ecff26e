import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { loggedIn, me, newcomer } from "../../test/TestAccount.ts"
import { TestServer } from "../../test/TestServer.ts"

let accounts = 0
const register = (password: string, more: Readonly<Record<string, unknown>> = {}) =>
  Effect.flatMap(TestServer, (server) =>
    server.ask("POST", "/v1/auth/register", {
      body: { email: `policy${++accounts}@example.com`, password, ...more }
    })
  )

/** All that is wrong with a registration. */
const refused = Effect.fnUntraced(function* (password: string, more?: Readonly<Record<string, unknown>>) {
  const reply = yield* register(password, more)
  assert.strictEqual(reply.status, 422, reply.text)
  return reply.json
})

const errors = (...list: ReadonlyArray<readonly [field: string, message: string]>) => ({
  detail: "Validation error",
  errors: list.map(([field, message]) => ({ field, message }))
})

const common = ["password", "Password is too common"] as const
const fifteen = ["password", "Password must have at least 15 characters"] as const

layer(TestServer.layer, { excludeTestServices: true })("a new password", (it) => {
  it.effect.each(["P@ssw0rd", "p@sSW0rD", "Pa$$w0rd", "!Qaz2wsx"])(
    "that keeps the rules is refused when everybody has it: %j",
    (password) => Effect.map(refused(password), (json) => assert.deepStrictEqual(json, errors(common)))
  )

  it.effect.each(["Parley-2026!", "pA-R.l_e?Y-1"])(
    "that is little but the name of this place is refused: %j",
    (password) => Effect.map(refused(password), (json) => assert.deepStrictEqual(json, errors(common)))
  )

  it.effect("is told that it is common with all else that is wrong", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* refused("password", { email: "x", z: 1 }),
        errors(
          ["z", "Unknown field"],
          ["email", "Must be an e-mail address"],
          ["password", "Password must contain at least one uppercase letter"],
          ["password", "Password must contain at least one number"],
          ["password", "Password must contain at least one special character"],
          common
        )
      )
    })
  )

  it.effect(
    "is decided at once, however many marks are on a letter",
    () =>
      Effect.map(register("\u0301".repeat(60_000) + "\u0316".repeat(60_000)), ({ status }) =>
        assert.strictEqual(status, 422)
      ),
    5000
  )

  it.effect("may have a common one in it", () =>
    Effect.map(register("My-P@ssw0rd"), ({ status }) => assert.strictEqual(status, 201))
  )

  it.effect("is held to the same when it is changed", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const body = { current_password: "Correct-horse-7", new_password: "P@ssw0rd" }
      const reply = yield* me("POST", token, body, "/password")
      assert.deepStrictEqual(reply.json, errors(["new_password", "Password is too common"]))
    })
  )
})

layer(TestServer.layerWith({ settings: { PASSWORD_POLICY: "nist" } }), { excludeTestServices: true })(
  "a new password by NIST's rules",
  (it) => {
    it.effect.each(["correct horse battery", "fünfzehnZeichen", "123123456456789", "😀".repeat(15)])(
      "is long, and else what one likes: %j",
      (password) =>
        Effect.gen(function* () {
          const reply = yield* register(password)
          assert.strictEqual(reply.status, 201, reply.text)
          assert.isNotEmpty((yield* loggedIn(`policy${accounts}@example.com`, password)).access_token)
        })
    )

    it.effect("has fifteen characters, and needs nothing else", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("Correct-horse-"), errors(fifteen))
        assert.deepStrictEqual(yield* refused("😀".repeat(14)), errors(fifteen))
      })
    )

    it.effect("is refused when everybody has it, however it is written", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* refused("PasswordPassword"), errors(common))
        assert.deepStrictEqual(yield* refused("qwerty"), errors(fifteen, common))
      })
    )

    it.effect("has 72 bytes at the most all the same", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* refused("😀".repeat(19)),
          errors(["password", "Password must have at most 72 bytes"])
        )
        assert.strictEqual((yield* register("😀".repeat(18))).status, 201)
      })
    )
  }
)
