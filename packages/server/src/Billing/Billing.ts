import { type InvalidSignature, WebhookOff, type WebhookReceipt } from "@parley/domain/Billing"
import { ValidationError } from "@parley/domain/Errors"
import { Array, Context, Effect, Layer, Option, Record, Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { fieldErrors } from "../Edge/fieldErrors.ts"
import type { PaymentStatus } from "./BillingRepo.ts"
import * as Ledger from "./Ledger.ts"
import { settings } from "./settings.ts"
import * as Signatures from "./Signatures.ts"
import {
  about,
  Charge,
  chargeTypes,
  Envelope,
  Subscription,
  type SubscriptionType,
  subscriptionTypes
} from "./StripeEvents.ts"

/** What an event changed: what counters count. One that was received before has changed nothing. */
export interface Received {
  /** Its type, if it is one of interest, else "other". */
  readonly event: string
  readonly outcome: WebhookReceipt["outcome"]
  /** Statuses that a payment came to, each once in its life; euros are 0 for other currencies. */
  readonly payments: ReadonlyArray<{ readonly status: PaymentStatus; readonly amountEur: number }>
  /** What happened to a subscription, also if something later is known: each event is told once. */
  readonly subscription: SubscriptionType["change"] | undefined
}

/** Where the business stands. Euros are those of payments and subscriptions in euros; others are only counted. */
export interface Figures {
  /** Payments that ever came to a status. What was refunded had succeeded, and stays among those: nothing here falls. */
  readonly payments: Readonly<Record<PaymentStatus, { readonly count: number; readonly euros: number }>>
  /** Subscriptions that pay, by plan: active or past due, and not paused. */
  readonly activeByPlan: Readonly<Record<string, number>>
  /** What they bring in a month and in a year, before discounts and taxes. */
  readonly mrrEuros: number
  readonly arrEuros: number
}

/** What a request brings. The body is asked for only if it may be good. */
export interface Delivery<E> {
  readonly signature: string | undefined
  readonly body: Effect.Effect<Uint8Array, E>
}

/** Payments and subscriptions, as the payment provider tells of them. */
export class Billing extends Context.Service<
  Billing,
  {
    /** The event and what it changes are one transaction. */
    readonly receive: <E>(
      delivery: Delivery<E>
    ) => Effect.Effect<Received, WebhookOff | InvalidSignature | ValidationError | E>
    /** One statement, cheap however many payments there are. */
    readonly figures: Effect.Effect<Figures>
  }
>()("@parley/server/Billing") {
  static readonly layer = Layer.effect(
    Billing,
    Effect.gen(function* () {
      const ledger = yield* Ledger.make
      const secret = yield* settings.stripeWebhookSecret.config
      const verify = Option.isNone(secret) ? undefined : yield* Signatures.make(secret.value)
      const warnedOf = new Set<string>()

      const warnOf = (currency: string) =>
        Effect.suspend(() => {
          if (currency === "eur" || warnedOf.has(currency)) return Effect.void
          warnedOf.add(currency)
          return Effect.logWarning(`Amounts in ${currency} are kept, but are in no sum of euros`)
        })

      const receive = Effect.fn("Billing.receive")(function* <E>({ body, signature }: Delivery<E>) {
        if (verify === undefined) return yield* new WebhookOff({})
        const { data, ...event } = yield* decode(Envelope, yield* verify(signature, body))
        const received = (more: Partial<Received>): Received => ({
          event: event.type,
          outcome: "repeated",
          payments: [],
          subscription: undefined,
          ...more
        })

        if (Array.contains<string>(chargeTypes, event.type)) {
          const { object: charge } = (yield* decode(about(Charge), { data })).data
          const status = Ledger.paymentStatusOf(charge)
          if (status === undefined) return received({ outcome: "ignored" })
          yield* warnOf(charge.currency)
          return Option.match(yield* ledger.charge(charge, status, event), {
            onNone: () => received({}),
            onSome: (payments) => received({ outcome: payments.length > 0 ? "applied" : "outdated", payments })
          })
        }

        const type = Record.get<string, SubscriptionType>(subscriptionTypes, event.type)
        if (Option.isSome(type)) {
          const { object: subscription } = (yield* decode(about(Subscription), { data })).data
          yield* warnOf(subscription.currency)
          return Option.match(yield* ledger.subscription(subscription, event, type.value), {
            onNone: () => received({}),
            onSome: (isLast) => received({ outcome: isLast ? "applied" : "outdated", subscription: type.value.change })
          })
        }
        return received({ event: "other", outcome: "ignored" })
      })

      const figures = ledger.figures.pipe(Effect.map(figuresOf), Effect.withSpan("Billing.figures"))

      return Billing.of({ receive, figures })
    })
  )
}

/** It is signed: so Stripe says something that Parley should know, in a way that it does not know. */
const decode = <A, I>(schema: Schema.Codec<A, I>, value: unknown) =>
  Schema.decodeUnknownEffect(schema, { errors: "all" })(value).pipe(
    Effect.catch((cause) => {
      const errors = fieldErrors(new HttpApiError.HttpApiSchemaError({ kind: "Payload", cause }))
      return Effect.logWarning("billing event cannot be read").pipe(
        Effect.annotateLogs({ event: "billing.unreadable", fields: errors.map(({ field }) => field) }),
        Effect.andThen(new ValidationError({ errors }))
      )
    })
  )

const figuresOf = (rows: Effect.Success<Effect.Success<typeof Ledger.make>["figures"]>): Figures => {
  const of = (kind: string, name: string) =>
    rows.find((row) => row.kind === kind && row.name === name) ?? { count: 0, euros: 0 }
  const payments = (name: PaymentStatus) => {
    const { count, euros } = of("payments", name)
    return { count, euros }
  }
  const mrrEuros = of("all", "").euros
  return {
    payments: { failed: payments("failed"), succeeded: payments("succeeded"), refunded: payments("refunded") },
    activeByPlan: Object.fromEntries(
      rows.filter(({ kind }) => kind === "plan").map(({ count, name }) => [name, count])
    ),
    mrrEuros,
    arrEuros: mrrEuros * 12
  }
}
