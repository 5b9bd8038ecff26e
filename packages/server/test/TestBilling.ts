/** Events as Stripe sends them: full of what nobody asked for, signed with the secret of these tests. */
import { Clock, Effect } from "effect"
import { randomUUID } from "node:crypto"
import { Stripe } from "stripe"
import { Billing } from "../src/Billing/Billing.ts"
import { TestServer } from "./TestServer.ts"

export const secret = "whsec_of_these_tests"

const id = (kind: string) => `${kind}_${randomUUID().replaceAll("-", "")}`

type Fields = Readonly<Record<string, unknown>>

/** A moment of November 2026, in seconds. */
export const moment = 1_796_000_000

export const event = (type: string, object: Fields, more: Fields = {}) => ({
  id: id("evt"),
  object: "event",
  api_version: "2026-09-30.dahlia",
  created: moment,
  livemode: false,
  pending_webhooks: 1,
  request: { id: null, idempotency_key: null },
  type,
  data: { object },
  ...more
})
export type StripeEvent = ReturnType<typeof event>

/** A payment of 19 euros that succeeded. */
export const charge = (more: Fields = {}) => ({
  id: id("ch"),
  object: "charge",
  amount: 1900,
  amount_captured: 1900,
  amount_refunded: 0,
  billing_details: { email: "scheherazade@example.com", name: "Scheherazade", phone: null },
  captured: true,
  currency: "eur",
  customer: id("cus"),
  description: "Subscription update",
  refunded: false,
  status: "succeeded",
  ...more
})

export const price = (more: Fields = {}, recurring: Fields = {}) => ({
  id: id("price"),
  object: "price",
  currency: "eur",
  lookup_key: "pro",
  nickname: "Pro, monthly",
  product: "prod_1",
  unit_amount: 1900,
  unit_amount_decimal: "1900",
  recurring: { interval: "month", interval_count: 1, usage_type: "licensed", meter: null, ...recurring },
  ...more
})

export const items = (...data: ReadonlyArray<Fields>) => ({ object: "list", data, has_more: false })

/** 19 euros a month. */
export const subscription = (more: Fields = {}) => ({
  id: id("sub"),
  object: "subscription",
  cancel_at_period_end: false,
  currency: "eur",
  customer: id("cus"),
  items: items({ id: id("si"), quantity: 1, price: price() }),
  latest_invoice: id("in"),
  metadata: {},
  pause_collection: null,
  status: "active",
  ...more
})

/** The header for a body, of now unless another moment is given, in seconds. */
export const signatureOf = (payload: string, options: { readonly secret?: string; readonly timestamp?: number } = {}) =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Math.floor(now / 1000), ...options })
  )

const textEncoder = new TextEncoder()

/** Past the network. */
export const receive = Effect.fnUntraced(function* (event: StripeEvent) {
  const { receive } = yield* Billing
  const payload = JSON.stringify(event)
  return yield* receive({
    signature: yield* signatureOf(payload),
    body: Effect.succeed(textEncoder.encode(payload))
  })
})

export const path = "/v1/webhooks/stripe"

export const type = { "content-type": "application/json; charset=utf-8" }

/** Over the network to this server. */
export const deliverTo = Effect.fnUntraced(function* (server: TestServer["Service"], event: StripeEvent) {
  const body = JSON.stringify(event)
  return yield* server.ask("POST", path, { body, headers: { ...type, "stripe-signature": yield* signatureOf(body) } })
})

export const deliver = (event: StripeEvent) => Effect.flatMap(TestServer, (server) => deliverTo(server, event))
