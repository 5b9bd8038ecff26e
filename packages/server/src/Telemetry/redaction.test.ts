/** Everything is asked, well and badly, of a server that works and of one where nothing does: then log and traces are read. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer, vi } from "@effect/vitest"
import { Effect, Layer, References, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { inject } from "vitest"
import { type Operation, operations, served } from "../../test/ApiDocument.ts"
import { type ApiRequest, requestOf } from "../../test/ApiRequest.ts"
import { OtlpReceiver } from "../../test/OtlpReceiver.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as StubSearch from "../../test/StubSearch.ts"
import * as TestBilling from "../../test/TestBilling.ts"
import { all, TestLog } from "../../test/TestLog.ts"
import { type Ask, modelKey, TestServer } from "../../test/TestServer.ts"
import { exportedTexts, settingsFor } from "../../test/TracedServer.ts"
import * as Wire from "../../test/Wire.ts"

// Some hundreds of requests: seconds, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

/** One word for each thing that is nobody else's business: found however it is wrapped. */
const secret = {
  password: "Abracadabra-7",
  newPassword: "Hocuspocus-8",
  wrongPassword: "Simsalabim-9",
  email: "scheherazade",
  said: "figtree",
  answered: "fortyjars",
  sessionName: "robbersplan",
  searchedFor: "crocodile",
  found: "pineapple",
  sentByMistake: "belladonna",
  jwtKey: "kohlrabi, and thirty-two bytes or more",
  searchKey: "dandelion",
  modelKey,
  webhookSecret: TestBilling.secret,
  databasePassword: new URL(inject("postgresUrl")).password,
  passwordHash: "$2b$",
  accessToken: "eyJ"
}

/** Finds something, answers with an error that quotes what it was asked, breaks off; and so on. */
const engine = Effect.suspend(() => {
  let searches = 0
  return StubSearch.make((search) => {
    const turn = searches++ % 3
    if (turn === 0) StubSearch.json({ results: [{ title: secret.found, url: "https://example.com/" }] })(search)
    else if (turn === 1) search.response.writeHead(500).end(`No more of ${search.query}`)
    else search.response.destroy()
  })
})

/** The server is at the end of a wire, the test is not. Everything is logged that can be. */
const Server = Layer.merge(
  Layer.unwrap(
    Effect.map(Effect.all([engine, OtlpReceiver]), ([{ url }, receiver]) =>
      TestServer.layerWith({
        database: Wire.layerDatabase,
        settings: {
          ...settingsFor(receiver.url),
          JWT_SECRET_KEY: secret.jwtKey,
          WEB_SEARCH_URL: `${url}&key=${secret.searchKey}`,
          WEB_SEARCH_ALLOW_PRIVATE: "true",
          STRIPE_WEBHOOK_SECRET: secret.webhookSecret,
          LLM_MAX_ATTEMPTS: "1"
        }
      })
    )
  ),
  Layer.unwrap(Effect.map(Wire.Wire, ({ directUrl }) => PgClient.layer({ url: directUrl })))
).pipe(
  Layer.provideMerge(Layer.merge(Wire.layer, OtlpReceiver.layer)),
  Layer.provide(Layer.succeed(References.MinimumLogLevel, "Trace"))
)

const Registered = Schema.Struct({ access_token: Schema.String, refresh_token: Schema.String })
const Opened = Schema.Struct({ session_id: Schema.String })
const newEmail = () => `${secret.email}.${randomUUID()}@example.com`

/** Somebody with an account and a session, and what they put into requests. */
const newcomer = Effect.gen(function* () {
  const { ask } = yield* TestServer
  const account = { email: newEmail(), password: secret.password }
  const registered = yield* ask("POST", "/v1/auth/register", { body: account })
  const { access_token: token, refresh_token } = yield* Schema.decodeUnknownEffect(Registered)(registered.json)
  const opened = yield* ask("POST", "/v1/chat/sessions", { token, body: { name: `the ${secret.sessionName}` } })
  const { session_id } = yield* Schema.decodeUnknownEffect(Opened)(opened.json)
  const known = {
    ...account,
    refresh_token,
    session_id,
    current_password: secret.password,
    new_password: secret.newPassword,
    name: `another ${secret.sessionName}`,
    content: `the treasure is under the ${secret.said}`
  }
  return { token, known }
})
type Person = Effect.Success<typeof newcomer>

interface Request extends Ask {
  readonly method: string
  readonly path: string
}

/** With a wrong password, as somebody who is new here, and as it should be; the last may be the account's last. */
const requests = Effect.fnUntraced(function* ({ known, token }: Person, name: string, operation: Operation) {
  const wrong = { password: secret.wrongPassword, current_password: secret.wrongPassword }
  const all = [{ ...known, ...wrong }, { ...known, email: newEmail() }, known]
  return yield* Effect.forEach(all, (more) =>
    Effect.map(requestOf(name, operation, more), (request) => ({ ...request, token }))
  )
})

/** In every way that a request can be bad, with a word in it that somebody may have typed by mistake. */
const badRequests = ({ body = {}, method, path }: ApiRequest, { known, token }: Person): ReadonlyArray<Request> => {
  const word = secret.sentByMistake
  const all = (value: unknown) => Object.fromEntries(Object.keys(body).map((field) => [field, value]))
  const query = ["limit", "cursor", "month", word].map((name) => `${name}=${word}`).join("&")
  const headers = { "x-request-id": `${word} ${word}`, cookie: word, "user-agent": word, referer: `https://${word}/` }
  const bodies: ReadonlyArray<Ask> = [
    { body: { ...body, [word]: word } },
    { body: all({ [word]: word }) },
    { body: all(word.repeat(4_000)) },
    { body: `{"${word}": "${word}` },
    { body: word, headers: { "content-type": "text/plain" } },
    {
      body: `username=${known.email}&password=${word}`,
      headers: { "content-type": "application/x-www-form-urlencoded" }
    }
  ]
  return [
    ...(method === "GET" ? [] : bodies.map((ask) => ({ method, path, token, ...ask }))),
    { method, path, token: word },
    { method, path, token, headers },
    { method, path, headers: { authorization: `Basic ${word}` } },
    { method, path: `${path}?${query}`, token },
    { method, path: path.replace(known.session_id, word), token },
    { method: "PUT", path: `${path.replace(/\/$/u, "")}/${word}`, token, body: word }
  ]
}

/** Looks something up before it answers. */
const lookUp = Reply.toolCalls([{ name: "web_search", arguments: { query: `where is the ${secret.searchedFor}?` } }])
const speak = Reply.text(["In the cave are ", `${secret.answered}.`])

/** What a model does that fails, and quotes what it was told as it does so. */
const failures = [
  Reply.refusal({ status: 400, message: `I will not talk of the ${secret.said}. Your key is ${modelKey}` }),
  Reply.refusal({ status: 500, body: `<p>The ${secret.said}!</p>` }),
  Reply.text([secret.answered, secret.answered], { afterChunks: { count: 1, stop: "cut" } }),
  Reply.toolCalls([{ name: "web_search", arguments: `{"query": "${secret.searchedFor}` }]),
  Reply.toolCalls([{ name: secret.searchedFor, arguments: { [secret.said]: secret.searchedFor } }])
]

/** No row can be written any more, and PostgreSQL says in each of its errors what would have been in it. */
const refuseRows = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const table of ["users", "login_families", "refresh_tokens", "sessions", "messages", "usage", "webhook_events"])
    yield* sql`ALTER TABLE ${sql(table)} ADD CONSTRAINT no_rows CHECK (false) NOT VALID`
})

const together = { concurrency: 8, discard: true } as const

/** Asks for everything, first of a server that works. Gives the statuses and the tokens that came back. */
const askForEverything = Effect.gen(function* () {
  const { ask } = yield* TestServer
  const stub = yield* StubModel
  const all = operations(yield* served)
  const [statuses, tokens] = [new Set<number>(), new Set<string>()]

  const send = Effect.fnUntraced(function* ({ method, path, ...more }: Request) {
    const { status, text } = yield* ask(method, path, more)
    statuses.add(status)
    for (const [, token = ""] of text.matchAll(/_token":"([^"]+)"/gu)) tokens.add(token)
  })
  const askBadly = Effect.fnUntraced(function* ([name, operation]: (typeof all)[number]) {
    const person = yield* newcomer
    yield* Effect.forEach(badRequests(yield* requestOf(name, operation, person.known), person), send)
  })
  /** For each operation somebody who is there before what is to come. */
  const prepared = Effect.forEach(
    all,
    ([name, operation]) => Effect.flatMap(newcomer, (person) => requests(person, name, operation)),
    { concurrency: 8 }
  )
  const sendAll = Effect.forEach((some: ReadonlyArray<Request>) => Effect.forEach(some, send), together)

  yield* stub.handle(({ messages }) => (messages.at(-1)?.role === "user" ? lookUp : speak))
  /** Signed, about a payment of somebody whose name and address are in it; then with a mistake in it. */
  const bill = Effect.gen(function* () {
    for (const more of [{}, { amount: secret.sentByMistake }])
      statuses.add((yield* TestBilling.deliver(TestBilling.event("charge.succeeded", TestBilling.charge(more)))).status)
  })

  yield* Effect.forEach(all, askBadly, together)
  yield* bill
  yield* sendAll(yield* prepared)
  for (const failure of failures) {
    const { known, token } = yield* newcomer
    for (const path of ["/v1/chat", "/v1/chat/stream"]) {
      yield* stub.enqueue(failure)
      yield* send({ method: "POST", path, token, body: { session_id: known.session_id, content: known.content } })
    }
  }
  const [refused, cut] = [yield* prepared, yield* prepared]
  yield* refuseRows
  yield* sendAll(refused)
  yield* bill
  yield* Effect.flatMap(Wire.Wire, (wire) => wire.cut)
  yield* sendAll(cut)
  yield* bill
  return { statuses, tokens }
})

layer(Server, { excludeTestServices: true })("the log, and what is exported", (it) => {
  it.effect("has no secret, no e-mail address and no text in it, whatever is asked and whatever fails", () =>
    Effect.gen(function* () {
      const { lines } = yield* TestLog
      const { statuses, tokens } = yield* askForEverything
      assert.includeMembers([...statuses], [200, 201, 204, 400, 401, 404, 405, 409, 415, 422, 500, 502, 503])
      assert.includeMembers(
        (yield* all).map(({ message }) => message),
        [
          "request",
          "auth register success",
          "auth login failure",
          "auth password_change success",
          "billing signature missing",
          "billing event cannot be read",
          "model call failed: 400",
          "web search failed: The search engine answered with status 500",
          "web search failed: The search engine cannot be reached",
          "Unexpected failure",
          "The database cannot be reached"
        ]
      )
      const exported = yield* exportedTexts
      assert.isAbove(exported.length, 1000)
      const texts = [...lines, ...exported].map((text) => text.toLowerCase())
      const told = [...Object.values(secret), ...tokens].flatMap((text) =>
        texts.filter((line) => line.includes(text.toLowerCase())).map((line) => ({ text, line }))
      )
      assert.deepStrictEqual(told.slice(0, 3), [])
    })
  )
})
