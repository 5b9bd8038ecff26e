import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type Document, operations, problemsOf, served } from "../test/ApiDocument.ts"
import * as TestBilling from "../test/TestBilling.ts"
import { type Ask, TestServer } from "../test/TestServer.ts"

const Registered = Schema.Struct({
  user: Schema.Struct({ id: Schema.String }),
  access_token: Schema.String,
  refresh_token: Schema.String
})
const Opened = Schema.Struct({ session_id: Schema.String })
const credentials = { email: "ada@example.com", password: "Correct-horse-7" }
const form = { "content-type": "application/x-www-form-urlencoded" }

/** An answer of the server must be one that the document declares for the operation. */
const conforms = (document: Document, name: string, status: number, contentType: string | null, json: unknown) => {
  const operation = new Map(operations(document)).get(name)
  const declared = operation?.responses[status]
  assert.isDefined(declared, `${name} ${status}`)
  if (contentType === null) return assert.isUndefined(declared?.content, `${name} ${status} has a body`)
  const schema = declared?.content?.[contentType]?.schema
  assert.isDefined(schema, `${name} ${status} ${contentType}`)
  assert.strictEqual(problemsOf(document, schema ?? {}, json), "", `${name} ${status}`)
}

/** The events of a stream, each as the document describes it; the last of OpenAI's is none of them. */
const eventsOf = (text: string) =>
  text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":") && block !== "data: [DONE]")
    .map((block) =>
      Object.fromEntries(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)])
      )
    )

const billing = TestServer.layerWith({ settings: { STRIPE_WEBHOOK_SECRET: TestBilling.secret } })

layer(billing, { excludeTestServices: true })("the API", (it) => {
  it.effect("answers every operation of its document with what the document says", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const document = yield* served
      const visited = new Set<string>()

      const visit = Effect.fnUntraced(function* (name: string, status: number, ask: Ask = {}, path?: string) {
        const [method = "", template = ""] = name.split(" ")
        const reply = yield* server.ask(method.toUpperCase(), path ?? template, ask)
        assert.strictEqual(reply.status, status, `${name}: ${reply.text}`)
        assert.isNotEmpty(reply.headers.get("x-request-id"))
        const contentType = reply.headers.get("content-type")
        if (contentType === "text/event-stream") {
          const events = eventsOf(reply.text)
          assert.isNotEmpty(events)
          for (const event of events) conforms(document, name, status, contentType, event)
        } else conforms(document, name, status, contentType, reply.json ?? reply.text)
        if (status < 300) visited.add(name)
        return reply.json
      })

      yield* visit("get /", 200)
      yield* visit("get /health", 200)
      yield* visit("get /health/live", 200)
      yield* visit("get /health/ready", 200)
      yield* visit("get /metrics", 200)

      const registered = yield* visit("post /api/v1/auth/register", 201, { body: credentials }).pipe(
        Effect.flatMap(Schema.decodeUnknownEffect(Registered))
      )
      yield* visit("post /api/v1/auth/register", 400, { body: credentials })
      yield* visit("post /api/v1/auth/register", 422, { body: {} })
      yield* visit("post /api/v1/auth/register", 415, { body: "x", headers: { "content-type": "text/plain" } })
      yield* visit("post /api/v1/auth/register", 413, { body: " ".repeat(1_048_577) })
      yield* visit("post /api/v1/auth/login", 200, { body: credentials })
      yield* visit("post /api/v1/auth/login", 200, {
        headers: form,
        body: new URLSearchParams({ username: credentials.email, password: credentials.password }).toString()
      })
      yield* visit("post /api/v1/auth/login", 401, { body: { ...credentials, password: "wrong" } })
      yield* visit("post /api/v1/auth/refresh", 200, { body: { refresh_token: registered.refresh_token } })
      yield* visit("post /api/v1/auth/refresh", 401, { body: { refresh_token: registered.refresh_token } })

      const token = registered.access_token
      yield* visit("get /api/v1/users/me", 200, { token })
      yield* visit("get /api/v1/users/me", 401)

      const { session_id } = yield* visit("post /api/v1/chat/sessions", 201, { token, body: { name: "Plans" } }).pipe(
        Effect.flatMap(Schema.decodeUnknownEffect(Opened))
      )
      const one = `/api/v1/chat/sessions/${session_id}`
      const nobodys = "/api/v1/chat/sessions/0199c0de-0000-7000-8000-000000000009"
      yield* visit("get /api/v1/chat/sessions", 200, { token })
      yield* visit("get /api/v1/chat/sessions/{session_id}", 200, { token }, one)
      yield* visit("get /api/v1/chat/sessions/{session_id}", 404, { token }, nobodys)
      yield* visit("patch /api/v1/chat/sessions/{session_id}", 200, { token, body: { name: "Trips" } }, one)

      yield* visit("post /api/v1/chat", 200, { token, body: { session_id, content: "Hello" } })
      yield* visit("post /api/v1/chat/stream", 200, { token, body: { session_id, content: "Hello again" } })
      yield* visit("get /api/v1/chat/sessions/{session_id}/messages", 200, { token }, `${one}/messages?limit=2`)
      yield* visit("post /api/v1/chat/sessions/{session_id}/cancel", 409, { token }, `${one}/cancel`)
      yield* visit("delete /api/v1/chat/sessions/{session_id}/messages", 204, { token }, `${one}/messages`)
      yield* visit("delete /api/v1/chat/sessions/{session_id}", 204, { token }, one)
      yield* visit("get /api/v1/users/me/usage", 200, { token })
      yield* visit("get /api/v1/users/me/usage", 422, { token }, "/api/v1/users/me/usage?month=today")

      const current_password = credentials.password
      yield* visit("get /api/v1/users/me/export", 200, { token })
      yield* visit("patch /api/v1/users/me", 200, { token, body: { email: "countess@example.com", current_password } })
      yield* visit("patch /api/v1/users/me", 400, { token, body: { email: "ada@example.com", current_password: "x" } })
      const passwords = { current_password, new_password: "Another-horse-8" }
      yield* visit("post /api/v1/users/me/password", 204, { token, body: passwords })
      yield* visit("post /api/v1/users/me/password", 400, { token, body: passwords })
      yield* visit("delete /api/v1/users/me", 400, { token, body: { current_password } })
      yield* visit("delete /api/v1/users/me", 422, { token })
      yield* visit("post /api/v1/auth/logout", 204, { token })
      const again = { email: "countess@example.com", password: "Another-horse-8" }
      const { access_token } = yield* visit("post /api/v1/auth/login", 200, { body: again }).pipe(
        Effect.flatMap(Schema.decodeUnknownEffect(Schema.Struct({ access_token: Schema.String })))
      )
      yield* visit("delete /api/v1/users/me", 204, {
        token: access_token,
        body: { current_password: again.password }
      })

      const stripe = "post /api/v1/webhooks/stripe"
      const body = JSON.stringify(TestBilling.event("charge.succeeded", TestBilling.charge()))
      const signature = { "stripe-signature": yield* TestBilling.signatureOf(body) }
      yield* visit(stripe, 200, { body, headers: signature })
      yield* visit(stripe, 400, { body })
      yield* visit(stripe, 415, { body, headers: { ...signature, "content-type": "text/plain" } })
      yield* visit(stripe, 413, { body: " ".repeat(1_048_577), headers: signature })
      const empty = { "stripe-signature": yield* TestBilling.signatureOf("{}") }
      yield* visit(stripe, 422, { body: "{}", headers: empty })

      const completion = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }
      const completions = "post /v1/chat/completions"
      const newcomer = yield* server.register
      yield* visit("get /v1/models", 200, { token: newcomer })
      yield* visit("get /v1/models", 401)
      yield* visit(completions, 200, { token: newcomer, body: completion })
      yield* visit(completions, 200, { token: newcomer, body: { ...completion, stream: true } })
      yield* visit(completions, 400, { token: newcomer, body: {} })
      yield* visit(completions, 404, { token: newcomer, body: { ...completion, model: "gpt-2" } })
      yield* visit(completions, 413, { token: newcomer, body: " ".repeat(1_048_577) })
      yield* visit(completions, 415, { token: newcomer, body: "x", headers: { "content-type": "text/plain" } })

      const never = operations(document)
        .map(([name]) => name)
        .filter((name) => !visited.has(name))
      // Cancelling what runs is told in the tests of turns.
      assert.deepStrictEqual(never, ["post /api/v1/chat/sessions/{session_id}/cancel"])
    })
  )

  it.effect("says at its root what it is and where it is explained", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { json } = yield* server.ask("GET", "/")
      assert.deepStrictEqual(json, {
        name: "Parley",
        version: "0.1.0",
        environment: "test",
        docs_url: "/docs",
        openapi_url: "/openapi.json"
      })
    })
  )

  it.effect("is explained on a page that needs nothing from elsewhere", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { headers, status, text } = yield* server.ask("GET", "/docs")
      assert.strictEqual(status, 200)
      assert.match(headers.get("content-type") ?? "", /^text\/html/u)
      assert.include(text, "swagger-ui")
      assert.include(text, "/api/v1/chat/stream")
      assert.notMatch(text, /<(?:script|link)[^>]+(?:src|href)=["']https?:/u)
    })
  )

  it.effect("tells ids as UUIDs and times in UTC", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const { json } = yield* server.ask("POST", "/v1/chat/sessions", { token, body: {} })
      const Session = Schema.Struct({ session_id: Schema.String, name: Schema.String, created_at: Schema.String })
      const session = yield* Schema.decodeUnknownEffect(Session)(json)
      assert.match(session.session_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
      assert.match(session.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u)
      assert.strictEqual(session.name, "")
    })
  )
})
