import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { rawRequest } from "../../test/rawRequest.ts"
import * as TestBilling from "../../test/TestBilling.ts"
import { charge, deliver, event, path, secret, signatureOf, subscription, type } from "../../test/TestBilling.ts"
import { logged, TestLog } from "../../test/TestLog.ts"
import { type Ask, TestServer } from "../../test/TestServer.ts"

const post = (ask: Ask) => Effect.flatMap(TestServer, (server) => server.ask("POST", path, ask))

const kept = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ events: string }>`SELECT count(*)::text AS events FROM webhook_events`
  return Number(row?.events)
})

layer(TestServer.layerWith({ settings: { STRIPE_WEBHOOK_SECRET: secret } }), { excludeTestServices: true })(
  "an event over HTTP",
  (it) => {
    it.effect("is received, and again, and what it is of no interest is not kept", () =>
      Effect.gen(function* () {
        const paid = event("charge.succeeded", charge())
        const outcomes = yield* Effect.forEach([paid, paid, event("invoice.paid", { id: "in_1" })], (one) =>
          deliver(one)
        )
        assert.deepStrictEqual(
          outcomes.map(({ status, text }) => `${status} ${text}`),
          ['200 {"outcome":"applied"}', '200 {"outcome":"repeated"}', '200 {"outcome":"ignored"}']
        )
        assert.strictEqual(yield* kept, 1)
      })
    )

    it.effect("that is not signed, not for this body, or by somebody else is 400, and nothing is kept of it", () =>
      Effect.gen(function* () {
        const before = yield* kept
        const body = JSON.stringify(event("charge.succeeded", charge()))
        const invalid = '{"detail":"Invalid or expired signature"}'
        for (const [signature, detail, sent = body] of [
          [undefined, '{"detail":"Missing signature"}'],
          ["t=1,v1=00", invalid],
          [yield* signatureOf(body, { secret: "whsec_of_others" }), invalid],
          [yield* signatureOf(body, { timestamp: TestBilling.moment - 1_000_000_000 }), invalid],
          [yield* signatureOf(body), invalid, body.replace("1900", "9900")],
          [yield* signatureOf(body), invalid, `\ufeff${body}`],
          [yield* signatureOf(body), invalid, `${body} `]
        ] as const) {
          const headers = { ...type, ...(signature === undefined ? {} : { "stripe-signature": signature }) }
          const reply = yield* post({ body: sent, headers })
          assert.strictEqual(`${reply.status} ${reply.text}`, `400 ${detail}`)
        }
        assert.strictEqual(yield* kept, before)
      })
    )

    it.effect("that was refused is an event of security in the log, with the client's address", () =>
      Effect.gen(function* () {
        const body = JSON.stringify(event("charge.succeeded", charge()))
        const old = yield* signatureOf(body, { timestamp: 1_000_000_000 })
        for (const [signature, outcome] of [
          ["", "missing"],
          ["t=1,v1=00", "invalid"],
          [old, "expired"]
        ]) {
          const headers = { ...type, ...(signature === "" ? {} : { "stripe-signature": signature ?? "" }) }
          const reply = yield* post({ body, headers })
          const [line] = yield* logged(reply.headers.get("x-request-id") ?? "")
          assert.strictEqual(line?.level, "WARN")
          assert.deepInclude(line, { event: "billing.signature", outcome })
          assert.match(String(line?.["client_address"]), /^(?:127\.0\.0\.1|::1)$/u)
        }
      })
    )

    it.effect("that is signed and says what cannot be understood is 422, and in the log by its fields", () =>
      Effect.gen(function* () {
        const reply = yield* deliver(event("charge.succeeded", { ...charge(), amount: "19.00", currency: undefined }))
        assert.strictEqual(reply.status, 422)
        assert.sameDeepMembers(Object(reply.json).errors, [
          { field: "data.object.amount", message: "Must be a number" },
          { field: "data.object.currency", message: "Field is required" }
        ])
        const lines = yield* logged(reply.headers.get("x-request-id") ?? "")
        assert.deepInclude(lines[0], { event: "billing.unreadable" })
        for (const body of ["", "{", "[]", "null", '\ufeff{"id":"evt_1"}', '{"id":"a\\u0000"}']) {
          const headers = { ...type, "stripe-signature": yield* signatureOf(body) }
          const { status } = yield* post({ body, headers })
          // No body at all is not signed, to Stripe.
          assert.strictEqual(status, body === "" ? 400 : 422, body)
        }
      })
    )

    it.effect("is read when it is JSON of at most a mebibyte that is not packed", () =>
      Effect.gen(function* () {
        const body = `{}${" ".repeat(1_048_575)}`
        const large = yield* post({ body, headers: { ...type, "stripe-signature": yield* signatureOf(body) } })
        assert.strictEqual(`${large.status} ${large.text}`, '413 {"detail":"Request body too large"}')
        const { url } = yield* TestServer
        for (const headers of [
          {},
          { "content-type": "text/plain" },
          { "content-type": "application/jsonp" },
          { ...type, "content-encoding": "gzip" }
        ]) {
          const signed = { ...headers, "stripe-signature": yield* signatureOf("{}") }
          const request = { method: "POST", path: `/api${path}`, headers: signed, chunks: ["{}"] }
          const { status, text } = yield* rawRequest(url, request)
          assert.strictEqual(`${status} ${text}`, '415 {"detail":"Unsupported content type"}')
        }
      })
    )

    it.effect("may come in pieces", () =>
      Effect.gen(function* () {
        const { url } = yield* TestServer
        const body = JSON.stringify(event("charge.succeeded", charge()))
        const signed = { ...type, "stripe-signature": yield* signatureOf(body) }
        const chunks = [body.slice(0, 10), body.slice(10, 11), body.slice(11)]
        const { status } = yield* rawRequest(url, { method: "POST", path: `/api${path}`, headers: signed, chunks })
        assert.strictEqual(status, 200)
      })
    )

    it.effect("leaves nothing in the database that says who paid, and nothing in the log", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { lines } = yield* TestLog
        const [paid, subscribed] = [charge(), subscription()]
        yield* deliver(event("charge.succeeded", paid))
        yield* deliver(event("customer.subscription.created", subscribed))
        const rows = yield* Effect.forEach(
          ["webhook_events", "payments", "payment_totals", "subscriptions"],
          (table) => sql`SELECT * FROM ${sql(table)}`
        )
        const text = JSON.stringify(rows, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))
        assert.include(text, paid.id)
        for (const personal of ["scheherazade", paid.customer, subscribed.customer]) {
          assert.notInclude(text.toLowerCase(), personal)
          assert.isEmpty(lines.filter((line) => line.toLowerCase().includes(personal)))
        }
      })
    )
  }
)

layer(TestServer.layer, { excludeTestServices: true })("without a secret", (it) => {
  it.effect("there is no such path, whatever is sent", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const unknown = yield* server.ask("POST", "/v1/nowhere")
      const body = JSON.stringify(event("charge.succeeded", charge()))
      for (const ask of [
        {},
        { body, headers: { ...type, "stripe-signature": yield* signatureOf(body) } },
        { body: "x", headers: { "content-type": "text/plain" } },
        { body: " ".repeat(1_048_577), headers: type }
      ]) {
        const { status, text } = yield* post(ask)
        assert.strictEqual(`${status} ${text}`, `${unknown.status} ${unknown.text}`)
      }
    })
  )
})

const few = { STRIPE_WEBHOOK_SECRET: secret, RATE_LIMIT_DEFAULT: "1 per hour", RATE_LIMIT_WEBHOOK: "3 per minute" }

layer(TestServer.layerWith({ settings: few }), { excludeTestServices: true })("events", (it) => {
  it.effect("have a limit of their own, and do not share that of everything else", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      yield* server.ask("POST", "/v1/auth/refresh")
      const replies = yield* Effect.forEach([1, 2, 3, 4], () => deliver(event("charge.succeeded", charge())))
      assert.deepStrictEqual(
        replies.map(({ status }) => status),
        [200, 200, 200, 429]
      )
      assert.strictEqual(replies[3]?.headers.get("ratelimit-policy"), '"webhook";q=3;w=60')
    })
  )
})
