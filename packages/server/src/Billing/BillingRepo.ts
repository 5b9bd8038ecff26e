import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Items } from "./StripeEvents.ts"

export const paymentStatuses = ["failed", "succeeded", "refunded"] as const
export const PaymentStatus = Schema.Literals(paymentStatuses)
export type PaymentStatus = typeof PaymentStatus.Type

const Created = Schema.Struct({ id: Schema.String })

const Payment = Schema.Struct({
  id: Schema.String,
  status: PaymentStatus,
  amount: Schema.Int,
  currency: Schema.String,
  created: Schema.Int
})

const Subscription = Schema.Struct({
  id: Schema.String,
  status: Schema.String,
  collection_paused: Schema.Boolean,
  plan: Schema.String,
  currency: Schema.String,
  items: Schema.fromJsonString(Items),
  ended: Schema.Boolean,
  event_created: Schema.Int,
  event_order: Schema.Int,
  event_id: Schema.String
})

const Figure = Schema.Struct({
  kind: Schema.Literals(["payments", "plan", "all"]),
  name: Schema.String,
  count: Schema.Int,
  euros: Schema.Finite
})

/** What events leave behind. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    transaction: sql.withTransaction,

    /** One transaction at a time writes about this payment or subscription. */
    lock: (id: string) => sql`SELECT pg_advisory_xact_lock(hashtextextended(${id}, 5))`,

    /** Nothing if the event is known. Waits for another transaction that has it: its event may yet come to nothing. */
    remember: SqlSchema.findOneOption({
      Request: Schema.Struct({ id: Schema.String, type: Schema.String, created: Schema.Int }),
      Result: Created,
      execute: ({ created, id, type }) => sql`
        INSERT INTO webhook_events (id, type, created) VALUES (${id}, ${type}, to_timestamp(${created}))
        ON CONFLICT (id) DO NOTHING RETURNING id`
    }),

    payment: SqlSchema.findOneOption({
      Request: Schema.String,
      Result: Schema.Struct({ status: PaymentStatus }),
      execute: (id) => sql`SELECT status FROM payments WHERE id = ${id}`
    }),

    savePayment: SqlSchema.void({
      Request: Payment,
      execute: ({ amount, created, currency, id, status }) => sql`
        INSERT INTO payments (id, status, amount, currency, created_at)
        VALUES (${id}, ${status}, ${amount}, ${currency}, to_timestamp(${created}))
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, amount = excluded.amount`
    }),

    addUp: SqlSchema.void({
      Request: Schema.Struct({ status: PaymentStatus, currency: Schema.String, amount: Schema.Int }),
      execute: ({ amount, currency, status }) => sql`
        INSERT INTO payment_totals AS t (status, currency, payments, amount) VALUES (${status}, ${currency}, 1, ${amount})
        ON CONFLICT (status, currency)
        DO UPDATE SET payments = t.payments + 1, amount = t.amount + excluded.amount`
    }),

    /** Nothing if a later event is known. An end is later than everything else. */
    saveSubscription: SqlSchema.findOneOption({
      Request: Subscription,
      Result: Created,
      execute: (s) => sql`
        INSERT INTO subscriptions AS known (id, status, collection_paused, plan, currency, items, ended, event_created,
          event_order, event_id)
        VALUES (${s.id}, ${s.status}, ${s.collection_paused}, ${s.plan}, ${s.currency}, ${s.items}::text::jsonb, ${s.ended},
          to_timestamp(${s.event_created}), ${s.event_order}, ${s.event_id})
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, collection_paused = excluded.collection_paused,
          plan = excluded.plan, currency = excluded.currency, items = excluded.items, ended = excluded.ended,
          event_created = excluded.event_created, event_order = excluded.event_order, event_id = excluded.event_id
        WHERE (known.ended, known.event_created, known.event_order, known.event_id)
          < (excluded.ended, excluded.event_created, excluded.event_order, excluded.event_id)
        RETURNING id`
    }),

    /**
     * Payments by status, and subscriptions that pay by plan and all together, with what those in euros bring in a month.
     * A month is a twelfth of a year, whose days are 365 and whose weeks are 52.
     */
    figures: SqlSchema.findAll({
      Request: Schema.Void,
      Result: Figure,
      execute: () => sql`
        SELECT 'payments' AS kind, status AS name, sum(payments)::float8 AS count,
          (coalesce(sum(amount) FILTER (WHERE currency = 'eur'), 0) / 100)::float8 AS euros
        FROM payment_totals GROUP BY status
        UNION ALL
        SELECT CASE grouping(plan) WHEN 0 THEN 'plan' ELSE 'all' END, coalesce(plan, ''), count(*)::float8,
          (coalesce(sum(monthly.amount) FILTER (WHERE currency = 'eur'), 0) / 100)::float8
        FROM subscriptions
        CROSS JOIN LATERAL (
          SELECT sum(quantity * unit_amount / interval_count / 12
            * CASE interval WHEN 'day' THEN 365 WHEN 'week' THEN 52 WHEN 'month' THEN 12 ELSE 1 END) AS amount
          FROM jsonb_to_recordset(items)
            AS item (quantity numeric, unit_amount numeric, interval text, interval_count numeric)
        ) monthly
        WHERE status IN ('active', 'past_due') AND NOT collection_paused
        GROUP BY GROUPING SETS ((plan), ())`
    })
  }
})
