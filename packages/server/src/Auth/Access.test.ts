/** Every endpoint that wants a token, tried with every kind of token: what the document has is here by itself. */
import { assert, layer, vi } from "@effect/vitest"
import { Effect, Record } from "effect"
import { decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from "jose"
import { randomUUID } from "node:crypto"
import { type Document, type Operation, operations, served } from "../../test/ApiDocument.ts"
import { requestOf } from "../../test/ApiRequest.ts"
import { type Account, loggedIn, newcomer, password } from "../../test/TestAccount.ts"
import { type Reply, settings, TestServer } from "../../test/TestServer.ts"

// Some hundreds of requests: seconds, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

/** Ids in requests that name what somebody owns, and how one comes by it. */
const owned = {
  session_id: (token: string) => Effect.flatMap(TestServer, (server) => server.openSession(token))
}
const nobodysIds = Record.map(owned, () => randomUUID())
/** Ids in requests that clients make up. */
const madeUp = ["message_id"]

/** Names of all ids a request may carry: what stands in its path, and every UUID, however deep in its body. */
const idsOf = (document: Document, { parameters, requestBody }: Operation): ReadonlySet<string> => {
  const names = new Set(parameters.flatMap((parameter) => (parameter.in === "path" ? [parameter.name] : [])))
  const walk = (name: string, node: unknown): void => {
    if (typeof node !== "object" || node === null) return
    if ("format" in node && node.format === "uuid") names.add(name)
    if ("$ref" in node) walk(name, document.components.schemas[String(node.$ref).split("/").at(-1) ?? ""])
    for (const [key, value] of Object.entries(node)) walk(key, value)
  }
  for (const { name, schema } of parameters) walk(name, schema)
  for (const { schema } of Object.values(requestBody?.content ?? {})) walk("body", schema)
  return names
}

const textEncoder = new TextEncoder()

/** What is no good for an account, and yet as near to what is as can be. */
const badTokens = Effect.fnUntraced(function* ({ email, refresh_token, token }: Account) {
  const server = yield* TestServer
  const claims = decodeJwt(token)
  const sign = (changed: JWTPayload, { alg = "HS256", key = settings.JWT_SECRET_KEY, typ = "at+jwt" } = {}) =>
    Effect.promise(() =>
      new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg, typ }).sign(textEncoder.encode(key))
    )
  // If this is refused, what follows proves nothing.
  assert.strictEqual((yield* server.ask("GET", "/v1/users/me", { token: yield* sign({ jti: "1" }) })).status, 200)
  const { access_token: revoked } = yield* loggedIn(email)
  assert.strictEqual((yield* server.ask("POST", "/v1/auth/logout", { token: revoked })).status, 204)
  return {
    garbage: "garbage",
    expired: yield* sign({ exp: 1 }),
    "logged out": revoked,
    "alg none": new UnsecuredJWT(claims).encode(),
    "alg HS512": yield* sign({}, { alg: "HS512" }),
    "signed with another key": yield* sign({}, { key: "another key, which has 32 bytes or more too" }),
    "without its signature": token.slice(0, token.lastIndexOf(".") + 1),
    "a refresh token": refresh_token,
    "of another typ": yield* sign({}, { typ: "JWT" }),
    "for another aud": yield* sign({ aud: "another-api" }),
    "of another iss": yield* sign({ iss: "elsewhere" }),
    "of a login that never was": yield* sign({ sid: randomUUID() })
  }
})

/** A conflict is an answer to who was let in. */
const told = ({ status, text }: Reply) => (status < 300 || status === 409 ? "in" : `${status} ${text}`)

const statusOf = (cell: string) => cell.split(" ")[0]

/** What an endpoint answers to each token. It is asked by accounts of its own: it may delete them. */
const rowOf = Effect.fnUntraced(function* (name: string, operation: Operation, isAboutOwned: boolean) {
  const server = yield* TestServer
  const [owner, stranger] = [yield* newcomer, yield* newcomer]
  const ask = Effect.fnUntraced(function* (token: string | undefined, ids: Readonly<Record<string, string>>) {
    const known = { ...ids, current_password: password, email: `${randomUUID()}@example.com` }
    const { method, path, ...request } = yield* requestOf(name, operation, known)
    return told(yield* server.ask(method, path, token === undefined ? request : { ...request, token }))
  })
  const ids = yield* Effect.all(Record.map(owned, (open) => open(owner.token)))
  const cells: Record<string, string> = { "no token": yield* ask(undefined, ids) }
  for (const [kind, token] of Object.entries(yield* badTokens(owner))) cells[kind] = yield* ask(token, ids)
  const strangers = yield* ask(stranger.token, ids)
  const nobodys = isAboutOwned ? yield* ask(stranger.token, nobodysIds) : strangers
  return {
    ...cells,
    "another user's": strangers === nobodys ? statusOf(strangers) : `${strangers}, but ${nobodys} to what is not there`,
    good: statusOf(yield* ask(owner.token, ids))
  }
})

/** What is OpenAI's has another shape for the same. */
const refusal = (name: string, detail: string) => {
  const error = { message: detail, type: "invalid_request_error", param: null, code: "invalid_api_key" }
  return `401 ${JSON.stringify(name.includes(" /v1/") ? { error } : { detail })}`
}

/** What it should answer. */
const idealOf = (name: string, kinds: ReadonlyArray<string>, isAboutOwned: boolean) => ({
  ...Object.fromEntries(kinds.map((kind) => [kind, refusal(name, "Invalid or expired token")])),
  "no token": refusal(name, "Not authenticated"),
  "another user's": isAboutOwned ? "404" : "in",
  good: "in"
})

layer(TestServer.layer, { excludeTestServices: true })("every endpoint that wants a token", (it) => {
  it.effect("refuses all but a good one, and does not tell others' things from what is not there", () =>
    Effect.gen(function* () {
      const document = yield* served
      const locked = operations(document).filter(([, { security }]) => security.length > 0)
      assert.isNotEmpty(locked)
      const rows = yield* Effect.forEach(
        locked,
        Effect.fnUntraced(function* ([name, operation]) {
          const isAboutOwned = [...idsOf(document, operation)].some((id) => id in owned)
          const row = yield* rowOf(name, operation, isAboutOwned)
          return { name, row, ideal: idealOf(name, Object.keys(row), isAboutOwned) }
        }),
        { concurrency: 8 }
      )
      assert.deepStrictEqual(
        Object.fromEntries(rows.map(({ name, row }) => [name, row])),
        Object.fromEntries(rows.map(({ ideal, name }) => [name, ideal]))
      )
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("every id in a request", (it) => {
  it.effect("is one of which these tests know whether somebody owns it", () =>
    Effect.map(served, (document) => {
      const names = new Set(operations(document).flatMap(([, operation]) => [...idsOf(document, operation)]))
      assert.sameMembers([...names], [...Object.keys(owned), ...madeUp])
    })
  )
})
