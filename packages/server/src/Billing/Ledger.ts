/** What is written of events: each once, with all that it changes or not at all, and the same in whatever order they come. */
import { Effect, Option } from "effect"
import * as BillingRepo from "./BillingRepo.ts"
import { type Charge, type Event, itemOf, type Subscription, type SubscriptionType } from "./StripeEvents.ts"

type PaymentStatus = BillingRepo.PaymentStatus

export const make = Effect.gen(function* () {
  const repo = yield* BillingRepo.make

  /** None when the event is known. What it is about is locked, so that all in it is read and written as if alone. */
  const once = <A, E>(event: Event, id: string, apply: Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      yield* repo.lock(id)
      const isNew = Option.isSome(yield* repo.remember(event))
      return isNew ? Option.some(yield* apply) : Option.none()
    }).pipe(repo.transaction, Effect.orDie)

  const savePayment = Effect.fnUntraced(function* (
    { id, ...charge }: Charge,
    status: PaymentStatus,
    { created }: Event
  ) {
    const before = yield* repo.payment(id)
    const reached = statusesBetween(Option.getOrUndefined(before)?.status, status)
    const last = reached.at(-1)
    if (last === undefined) return []
    const { currency } = charge
    const amount = last === "failed" ? charge.amount : charge.amount_captured
    yield* repo.savePayment({ id, status: last, amount, currency, created })
    yield* Effect.forEach(reached, (status) => repo.addUp({ status, currency, amount }), { discard: true })
    return reached.map((status) => ({ status, amountEur: currency === "eur" ? amount / 100 : 0 }))
  })

  const saveSubscription = (subscription: Subscription, event: Event, { change, order }: SubscriptionType) => {
    const items = subscription.items.data.map(itemOf)
    const status = change === "cancelled" ? "canceled" : subscription.status
    return repo.saveSubscription({
      id: subscription.id,
      status,
      collection_paused: (subscription.pause_collection ?? null) !== null,
      plan: items[0]?.plan ?? "none",
      currency: subscription.currency,
      items,
      ended: status === "canceled" || status === "incomplete_expired",
      event_created: event.created,
      // Who subscribes is "incomplete" until the first payment, which often takes less than a second.
      event_order: 2 * order + (status === "incomplete" ? 0 : 1),
      event_id: event.id
    })
  }

  return {
    /** The statuses that the payment comes to by this. */
    charge: (charge: Charge, status: PaymentStatus, event: Event) =>
      once(event, charge.id, savePayment(charge, status, event)),
    /** Whether this is the last of its events, of those that are known. */
    subscription: (subscription: Subscription, event: Event, type: SubscriptionType) =>
      once(event, subscription.id, Effect.map(saveSubscription(subscription, event, type), Option.isSome)),
    figures: Effect.orDie(repo.figures())
  }
})

/** None while the amount is only reserved. */
export const paymentStatusOf = ({ captured, refunded, status }: Charge): PaymentStatus | undefined => {
  if (status === "failed") return "failed"
  if (status !== "succeeded" || !captured) return undefined
  return refunded ? "refunded" : "succeeded"
}

const course: ReadonlyArray<PaymentStatus> = ["succeeded", "refunded"]

/** A payment only goes on, and what is refunded had succeeded: also if that is told later, or not at all. */
const statusesBetween = (before: PaymentStatus | undefined, after: PaymentStatus): ReadonlyArray<PaymentStatus> => {
  if (after === "failed") return before === undefined ? ["failed"] : []
  const begin = before === undefined ? 0 : course.indexOf(before) + 1
  return course.slice(begin, course.indexOf(after) + 1)
}
