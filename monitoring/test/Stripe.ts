/** Events as Stripe signs them. */
import { Clock, Effect } from "effect"
import { createHmac, randomUUID } from "node:crypto"
import { webhookSecret } from "./Monitored.ts"

const id = (kind: string) => `${kind}_${randomUUID().replaceAll("-", "")}`

type Fields = Readonly<Record<string, unknown>>

export const charge = (cents: number, more: Fields = {}) => ({
  id: id("ch"),
  object: "charge",
  amount: cents,
  amount_captured: cents,
  amount_refunded: 0,
  captured: true,
  currency: "eur",
  customer: id("cus"),
  refunded: false,
  status: "succeeded",
  ...more
})

export const failedCharge = (cents: number) => charge(cents, { status: "failed", captured: false, amount_captured: 0 })

export const subscription = (plan: string, monthlyCents: number, more: Fields = {}) => ({
  id: id("sub"),
  object: "subscription",
  cancel_at_period_end: false,
  currency: "eur",
  customer: id("cus"),
  items: {
    object: "list",
    has_more: false,
    data: [
      {
        id: id("si"),
        quantity: 1,
        price: {
          id: id("price"),
          object: "price",
          currency: "eur",
          lookup_key: plan,
          nickname: plan,
          product: "prod_1",
          unit_amount: monthlyCents,
          unit_amount_decimal: String(monthlyCents),
          recurring: { interval: "month", interval_count: 1, usage_type: "licensed", meter: null }
        }
      }
    ]
  },
  metadata: {},
  pause_collection: null,
  status: "active",
  ...more
})

/** The body of an event, and the header that goes with it. */
export const signed = Effect.fnUntraced(function* (type: string, object: Fields) {
  const seconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const event = { id: id("evt"), object: "event", api_version: "2026-09-30.dahlia", created: seconds, livemode: false }
  const body = JSON.stringify({ ...event, pending_webhooks: 1, request: { id: null }, type, data: { object } })
  const signature = createHmac("sha256", webhookSecret).update(`${seconds}.${body}`).digest("hex")
  return { body, header: `t=${seconds},v1=${signature}` }
})
