/** An account over HTTP, as its owner sees it. */
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { TestServer } from "./TestServer.ts"

export const password = "Correct-horse-7"

const Pair = Schema.Struct({ access_token: Schema.String, refresh_token: Schema.String })
const Registered = Schema.Struct({ user: Schema.Struct({ id: Schema.String }), ...Pair.fields })

export interface Account {
  readonly id: string
  readonly email: string
  readonly token: string
  readonly refresh_token: string
}

export const newcomer: Effect.Effect<Account, never, TestServer> = Effect.gen(function* () {
  const server = yield* TestServer
  const email = `${randomUUID()}@example.com`
  const { json } = yield* server.ask("POST", "/v1/auth/register", { body: { email, password } })
  const { access_token, refresh_token, user } = yield* Schema.decodeUnknownEffect(Registered)(json)
  return { id: user.id, email, token: access_token, refresh_token }
}).pipe(Effect.orDie)

export const login = Effect.fnUntraced(function* (email: string, attempt = password) {
  const server = yield* TestServer
  return yield* server.ask("POST", "/v1/auth/login", { body: { email, password: attempt } })
})

/** One more login of the account. */
export const loggedIn = (email: string, attempt = password) =>
  Effect.flatMap(login(email, attempt), ({ json }) => Effect.orDie(Schema.decodeUnknownEffect(Pair)(json)))

export const refreshed = Effect.fnUntraced(function* (refresh_token: string) {
  const server = yield* TestServer
  return (yield* server.ask("POST", "/v1/auth/refresh", { body: { refresh_token } })).status
})

/** Asks for something below `/users/me`. */
export const me = Effect.fnUntraced(function* (method: string, token: string, body?: unknown, path = "") {
  const server = yield* TestServer
  return yield* server.ask(method, `/v1/users/me${path}`, { token, ...(body === undefined ? {} : { body }) })
})
