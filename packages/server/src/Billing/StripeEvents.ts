/** What Parley reads of Stripe's events, and nothing personal. */
import { Schema } from "effect"

const StripeId = Schema.String.check(Schema.isPattern(/^\w{1,255}$/u))

/** Seconds since 1970, to the end of the year 9999. */
const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 253_402_300_799 }))

/** In the smallest unit of the currency, as Stripe counts: cents, or yen. */
const MinorUnits = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000_000 }))

const Currency = Schema.String.check(Schema.isPattern(/^[a-z]{3}$/u))

/** Any event. */
export const Envelope = Schema.fromJsonString(
  Schema.Struct({
    id: StripeId,
    type: Schema.String,
    created: Seconds,
    data: Schema.Struct({ object: Schema.Unknown })
  })
)

/** An event about such a thing. */
export const about = <A, I>(object: Schema.Codec<A, I>) => Schema.Struct({ data: Schema.Struct({ object }) })

/** What is remembered of an event that is of interest. */
export interface Event {
  readonly id: string
  readonly type: string
  readonly created: number
}

/** An attempt to pay: Stripe makes one charge for each, whatever it pays for. */
export const Charge = Schema.Struct({
  id: StripeId,
  status: Schema.Literals(["succeeded", "pending", "failed"]),
  /** An amount that is only reserved is not captured: nothing has been paid yet. */
  captured: Schema.Boolean,
  amount: MinorUnits,
  amount_captured: MinorUnits,
  currency: Currency,
  /** Whether all of it went back. */
  refunded: Schema.Boolean
})
export type Charge = typeof Charge.Type

/** Safe as a label, and short. */
const labelOf = (text: string) => text.replaceAll(/[^\w.-]+/gu, "_").slice(0, 40)

const optionalName = Schema.optionalKey(Schema.NullOr(Schema.String))

const Price = Schema.Struct({
  lookup_key: optionalName,
  nickname: optionalName,
  product: Schema.Union([Schema.String, Schema.Struct({ id: Schema.String })]),
  unit_amount: Schema.NullOr(MinorUnits),
  /** Cents and their fractions. */
  unit_amount_decimal: Schema.optionalKey(
    Schema.NullOr(Schema.String.check(Schema.isPattern(/^\d{1,13}(?:\.\d{1,12})?$/u)))
  ),
  recurring: Schema.Struct({
    interval: Schema.Literals(["day", "week", "month", "year"]),
    interval_count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1095 }))
  })
})

/** Missing where consumption is metered: nobody knows before what it will be. */
const Quantity = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 })))

const StripeItem = Schema.Struct({ price: Price, quantity: Quantity })

/** What comes back again and again: `quantity` times `unit_amount` every `interval_count` intervals. */
const Item = Schema.Struct({
  plan: Schema.String,
  quantity: Schema.Int,
  /** A decimal number of minor units. */
  unit_amount: Schema.String,
  interval: Schema.String,
  interval_count: Schema.Int
})
export const Items = Schema.Array(Item)

export const itemOf = ({ price, quantity }: typeof StripeItem.Type): typeof Item.Type => ({
  plan: labelOf(
    price.lookup_key || price.nickname || (typeof price.product === "string" ? price.product : price.product.id)
  ),
  quantity: quantity ?? 0,
  // Of tiers there is no unit price.
  unit_amount: price.unit_amount_decimal ?? String(price.unit_amount ?? 0),
  interval: price.recurring.interval,
  interval_count: price.recurring.interval_count
})

export const subscriptionStatuses = [
  "incomplete",
  "incomplete_expired",
  "trialing",
  "active",
  "past_due",
  "canceled",
  "unpaid",
  "paused"
] as const

export const Subscription = Schema.Struct({
  id: StripeId,
  status: Schema.Literals(subscriptionStatuses),
  currency: Currency,
  /** Set while no payments are collected for it. */
  pause_collection: Schema.optionalKey(Schema.NullOr(Schema.Struct({ behavior: Schema.String }))),
  items: Schema.Struct({ data: Schema.Array(StripeItem) })
})
export type Subscription = typeof Subscription.Type

/** A payment's money moves by these alone: of an invoice and a payment intent the charge is told too. */
export const chargeTypes = ["charge.succeeded", "charge.captured", "charge.failed", "charge.refunded"] as const

/** What each type is counted as, and how late it comes of those in the same second. */
export const subscriptionTypes = {
  "customer.subscription.created": { change: "created", order: 0 },
  "customer.subscription.updated": { change: "updated", order: 1 },
  "customer.subscription.paused": { change: "updated", order: 1 },
  "customer.subscription.resumed": { change: "updated", order: 1 },
  "customer.subscription.deleted": { change: "cancelled", order: 2 }
} as const
export type SubscriptionType = (typeof subscriptionTypes)[keyof typeof subscriptionTypes]
