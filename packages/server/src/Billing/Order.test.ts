/** Stripe sends events more than once and in any order, to any server. */
import { assert, layer, vi } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import {
  charge,
  deliver,
  deliverTo,
  event,
  moment,
  receive,
  secret,
  type StripeEvent,
  subscription
} from "../../test/TestBilling.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestLog from "../../test/TestLog.ts"
import { layerConfig, TestServer } from "../../test/TestServer.ts"
import { TwoServers } from "../../test/TwoServers.ts"
import { whenBlocked } from "../../test/whenBlocked.ts"
import { Billing } from "./Billing.ts"

// Some hundreds of transactions: seconds, on a busy machine many.
vi.setConfig({ testTimeout: 60_000 })

const settings = { STRIPE_WEBHOOK_SECRET: secret }

const figures = Effect.flatMap(Billing, ({ figures }) => figures)

/** All that is known of payments and subscriptions; counts are as text, because they may be large. */
const state = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return {
    events: yield* sql`SELECT id FROM webhook_events ORDER BY id`,
    payments: yield* sql`SELECT id, status, amount::text, currency FROM payments ORDER BY id`,
    totals: yield* sql`
      SELECT status, currency, payments::text, amount::text FROM payment_totals ORDER BY status, currency`,
    subscriptions: yield* sql`
      SELECT id, status, collection_paused, plan, items, ended, event_id FROM subscriptions ORDER BY id`
  }
})

const clear = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`TRUNCATE webhook_events, payments, payment_totals, subscriptions`
})

/** A life of subscriptions and payments in the order in which it happened, some of it within one second. */
const history = (): ReadonlyArray<StripeEvent> => {
  const [one, other] = [subscription({ status: "incomplete" }), subscription({ status: "trialing" })]
  const [paid, failed, yen] = [
    charge(),
    charge({ status: "failed", captured: false, amount_captured: 0 }),
    charge({ currency: "jpy" })
  ]
  const reserved = charge({ captured: false, amount_captured: 0 })
  return [
    event("customer.subscription.created", one),
    event("charge.succeeded", paid),
    event("customer.subscription.updated", { ...one, status: "active" }),
    event("customer.subscription.created", other, { created: moment + 1 }),
    event("charge.failed", failed, { created: moment + 2 }),
    event("customer.subscription.updated", { ...one, status: "past_due" }, { created: moment + 2 }),
    event("charge.succeeded", yen, { created: moment + 3 }),
    event("charge.succeeded", reserved, { created: moment + 3 }),
    event("charge.captured", { ...reserved, captured: true, amount_captured: 1000 }, { created: moment + 4 }),
    event("customer.subscription.updated", { ...other, status: "active" }, { created: moment + 5 }),
    event(
      "customer.subscription.updated",
      { ...other, status: "active", metadata: { n: "1" } },
      { created: moment + 5 }
    ),
    event("charge.refunded", { ...paid, amount_refunded: 1900, refunded: true }, { created: moment + 6 }),
    event("customer.subscription.deleted", { ...one, status: "canceled" }, { created: moment + 7 }),
    event("customer.subscription.updated", { ...one, status: "canceled" }, { created: moment + 7 })
  ]
}
const length = history().length

/** Each event once or more, as numbers of the history, in any order. */
const deliveries = Arbitrary.map(
  Arbitrary.all({
    keys: Arbitrary.array(Arbitrary.schema(Schema.Int), { minLength: length, maxLength: length }),
    again: Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: length - 1 }))), {
      minLength: 0,
      maxLength: 10
    })
  }),
  ({ again, keys }) => {
    const shuffled = keys.map((key, index) => ({ key, index })).toSorted((a, b) => a.key - b.key)
    return [...shuffled.map(({ index }) => index), ...again]
  }
)

layer(
  Billing.layer.pipe(
    Layer.provideMerge(Layer.merge(TestDatabase.layer, TestLog.layer)),
    Layer.provide(layerConfig(settings))
  ),
  { excludeTestServices: true }
)("events", (it) => {
  const events = history()
  let expected: Effect.Success<typeof state> | undefined
  const send = (order: ReadonlyArray<number>, concurrency: number) =>
    Effect.forEach(
      order.flatMap((index) => events[index] ?? []),
      receive,
      { concurrency, discard: true }
    )
  const inOrder = Effect.gen(function* () {
    yield* clear
    yield* send([...events.keys()], 1)
    expected = yield* state
  })

  it.effect("in the order in which they happened come to what happened", () =>
    Effect.gen(function* () {
      yield* inOrder
      assert.deepStrictEqual(yield* figures, {
        payments: {
          failed: { count: 1, euros: 19 },
          succeeded: { count: 3, euros: 29 },
          refunded: { count: 1, euros: 19 }
        },
        activeByPlan: { pro: 1 },
        mrrEuros: 19,
        arrEuros: 228
      })
    })
  )

  for (const concurrency of [1, 8])
    it.effect.prop(
      `in any order, any number of times, ${concurrency} at once, come to the same`,
      { order: deliveries },
      ({ order }) =>
        Effect.gen(function* () {
          if (expected === undefined) yield* inOrder
          yield* clear
          yield* send(order, concurrency)
          assert.deepStrictEqual(yield* state, expected)
        }),
      { arbitrary: { runs: 10 } }
    )
})

layer(TwoServers.layerWith(settings), { excludeTestServices: true })("an event", (it) => {
  it.effect("sent a hundred times at once to two servers is one", () =>
    Effect.gen(function* () {
      const servers = yield* TwoServers
      const [paid, subscribed] = [
        event("charge.succeeded", charge()),
        event("customer.subscription.created", subscription())
      ]
      const replies = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, index) => index),
        (index) => deliverTo(servers[index % 2 === 0 ? 0 : 1], index % 4 < 2 ? paid : subscribed),
        { concurrency: "unbounded" }
      )
      const outcomes = replies.map(({ text }) => text).toSorted()
      assert.deepStrictEqual(outcomes, [
        ...Array.from({ length: 2 }, () => '{"outcome":"applied"}'),
        ...Array.from({ length: 98 }, () => '{"outcome":"repeated"}')
      ])
      const { events, subscriptions, totals } = yield* state
      assert.lengthOf(events, 2)
      assert.lengthOf(subscriptions, 1)
      assert.deepStrictEqual(totals, [{ status: "succeeded", currency: "eur", payments: "1", amount: "1900" }])
    })
  )
})

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("an event", (it) => {
  it.effect("whose transaction is killed was not there, and is received when it comes again", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const paid = event("charge.succeeded", charge())
      const killed = yield* sql.withTransaction(
        Effect.gen(function* () {
          // The last that is written: until then it waits.
          yield* sql`LOCK TABLE payment_totals IN EXCLUSIVE MODE`
          const waiting = yield* whenBlocked(deliver(paid))
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_locks
            WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`
          return yield* waiting
        })
      )
      assert.isAtLeast(killed.status, 500, killed.text)
      const { events, payments } = yield* state
      assert.isEmpty([...events, ...payments])
      assert.strictEqual((yield* deliver(paid)).text, '{"outcome":"applied"}')
      assert.deepStrictEqual((yield* state).totals, [
        { status: "succeeded", currency: "eur", payments: "1", amount: "1900" }
      ])
    })
  )

  it.effect("that another of the same payment waits for is counted once with it", () =>
    Effect.gen(function* () {
      yield* clear
      const paid = charge()
      const refunded = event("charge.refunded", { ...paid, amount_refunded: 1900, refunded: true })
      yield* Effect.forEach([event("charge.succeeded", paid), refunded, refunded], (one) => deliver(one), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        (yield* state).totals.map((row) => Object(row).payments),
        ["1", "1"]
      )
    })
  )
})
