/** The password that somebody who is logged in is asked for: not to be guessed by whoever has stolen their token. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { loggedIn, login, me, newcomer, password } from "../../test/TestAccount.ts"
import { logged } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"

const wrong = "Wrong-horse-7"
const another = "Another-horse-8"

/** Everything that wants the password. */
const asked = (token: string, current_password: string) => [
  me("PATCH", token, { email: "guessed@example.com", current_password }),
  me("POST", token, { current_password, new_password: another }, "/password"),
  me("DELETE", token, { current_password })
]

/** Five wrong passwords by a token, wherever they are asked for. */
const guess = (token: string) =>
  Effect.forEach([...asked(token, wrong), ...asked(token, wrong).slice(1)], (guess) =>
    Effect.map(guess, ({ status }) => assert.strictEqual(status, 400))
  )

layer(TestServer.layer, { excludeTestServices: true })("a password that is asked for by a login", (it) => {
  it.effect("is not looked at for a while after five that were wrong, wherever it is asked for", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      yield* guess(token)
      for (const reply of yield* Effect.all(asked(token, password), { concurrency: "unbounded" })) {
        assert.deepStrictEqual([reply.status, reply.json], [429, { detail: "Too many failed logins" }])
        assert.strictEqual(reply.headers.get("retry-after"), "1")
        const lines = yield* logged(reply.headers.get("x-request-id") ?? "")
        assert.include(
          lines.map(({ outcome }) => outcome),
          "delayed"
        )
      }
      assert.strictEqual((yield* me("GET", token)).status, 200)
      yield* Effect.sleep("1 second")
      assert.strictEqual((yield* me("DELETE", token, { current_password: password })).status, 204)
    })
  )

  it.effect("is looked at all the same for another login of the owner, who ends the one that guesses", () =>
    Effect.gen(function* () {
      const { email, token: stolen } = yield* newcomer
      const owner = yield* loggedIn(email)
      yield* guess(stolen)
      const change = { current_password: password, new_password: another }
      assert.strictEqual((yield* me("POST", owner.access_token, change, "/password")).status, 204)
      assert.strictEqual((yield* me("GET", stolen)).status, 401)
    })
  )

  it.effect("is looked at however often strangers fail to log in", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      for (let n = 0; n < 5; n++) yield* login(email, wrong)
      assert.strictEqual((yield* login(email)).status, 429)
      assert.strictEqual((yield* me("DELETE", token, { current_password: password })).status, 204)
    })
  )

  it.effect("counts as a failure to log in when it is wrong", () =>
    Effect.gen(function* () {
      const { email, token } = yield* newcomer
      yield* guess(token)
      assert.strictEqual((yield* login(email, wrong)).status, 401)
      assert.strictEqual((yield* login(email)).status, 429)
    })
  )

  it.effect("counts as none when it is right, whatever else is wrong", () =>
    Effect.gen(function* () {
      const [{ email, token }, other] = [yield* newcomer, yield* newcomer]
      for (let n = 0; n < 8; n++) {
        const reply = yield* me("PATCH", token, { email: other.email, current_password: password })
        assert.strictEqual(reply.status, 400, reply.text)
      }
      assert.strictEqual((yield* login(email)).status, 200)
    })
  )
})
