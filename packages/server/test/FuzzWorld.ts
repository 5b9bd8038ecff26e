/** What requests that are made up are about: an account with something in it, and somebody else's. */
import { Effect, Schema } from "effect"
import { randomUUID } from "node:crypto"
import type { RawRequest } from "./rawRequest.ts"
import { newcomer, password } from "./TestAccount.ts"
import { signatureOf } from "./TestBilling.ts"
import { answer } from "./TestChat.ts"
import { TestServer } from "./TestServer.ts"

/** What stands in a request for something of the world, and what it is. */
export type World = Readonly<Record<string, string>>

const decodePage = Schema.decodeUnknownEffect(Schema.Struct({ next_cursor: Schema.String }))

/** An account with two sessions, one of them with two messages. */
export const make = Effect.gen(function* () {
  const server = yield* TestServer
  const { email, refresh_token, token } = yield* newcomer
  const session_id = yield* server.openSession(token)
  yield* server.openSession(token)
  const message_id = randomUUID()
  yield* answer({ token, session_id }, "Hello", { message_id })
  const cursorOf = (list: string) =>
    Effect.flatMap(server.ask("GET", `/v1/chat/sessions${list}?limit=1`, { token }), ({ json }) => decodePage(json))
  const world: World = {
    email,
    password,
    token,
    refresh_token,
    session: session_id,
    message: message_id,
    sessions_cursor: (yield* cursorOf("")).next_cursor,
    messages_cursor: (yield* cursorOf(`/${session_id}/messages`)).next_cursor
  }
  return world
}).pipe(Effect.orDie)

/** The same request about this world. Where a signature is to be, the body is signed at last. */
export const within = Effect.fnUntraced(function* (
  world: World,
  { chunks = [], headers = {}, method, path }: RawRequest
) {
  const put = (text: string, more: World = {}) =>
    text.replace(/__([a-z]+(?:_[a-z]+)*)__/gu, (marker, name: string) =>
      name === "uuid" ? randomUUID() : (more[name] ?? world[name] ?? marker)
    )
  const content = chunks.map((chunk) => (typeof chunk === "string" ? put(chunk) : chunk))
  const body = Buffer.concat(content.map((chunk) => Buffer.from(chunk)))
  const signature = { stripe_signature: yield* signatureOf(body.toString()) }
  const request: RawRequest = {
    method,
    path: put(path),
    headers: {
      ...(body.length === 0 || "transfer-encoding" in headers ? {} : { "content-length": String(body.length) }),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, put(value, signature)]))
    },
    chunks: content
  }
  return request
})
