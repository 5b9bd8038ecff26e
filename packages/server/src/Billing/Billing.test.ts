import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { charge, event, items, moment, price, receive, secret, subscription } from "../../test/TestBilling.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { layer as layerLog, TestLog } from "../../test/TestLog.ts"
import { layerConfig } from "../../test/TestServer.ts"
import { Billing } from "./Billing.ts"

const layerBilling = Billing.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(TestDatabase.layer, layerLog)),
  Layer.provide(layerConfig({ STRIPE_WEBHOOK_SECRET: secret }))
)

const figures = Effect.flatMap(Billing, ({ figures }) => figures)

/** Each test has a database of its own. */
const alone = Effect.provide(Layer.fresh(layerBilling))

const subscribe = (more: Readonly<Record<string, unknown>>) =>
  receive(event("customer.subscription.created", subscription(more)))

layer(Layer.empty, { excludeTestServices: true })("a payment", (it) => {
  it.effect("is counted when its charge succeeds, and not again for its invoice and payment intent", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* receive(event("charge.succeeded", charge())), {
        event: "charge.succeeded",
        outcome: "applied",
        payments: [{ status: "succeeded", amountEur: 19 }],
        subscription: undefined
      })
      const ignored = { event: "other", outcome: "ignored", payments: [], subscription: undefined } as const
      for (const type of [
        "invoice.paid",
        "invoice.payment_succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "__proto__"
      ])
        assert.deepStrictEqual(yield* receive(event(type, { id: "x", amount_paid: 1900 })), ignored)
      assert.deepStrictEqual((yield* figures).payments, {
        failed: { count: 0, euros: 0 },
        succeeded: { count: 1, euros: 19 },
        refunded: { count: 0, euros: 0 }
      })
    }).pipe(alone)
  )

  it.effect("that fails is one for each attempt", () =>
    Effect.gen(function* () {
      const failed = { status: "failed", captured: false, amount_captured: 0 }
      for (const _ of [1, 2]) {
        const { payments } = yield* receive(event("charge.failed", charge(failed)))
        assert.deepStrictEqual(payments, [{ status: "failed", amountEur: 19 }])
      }
      yield* receive(event("charge.succeeded", charge()))
      const { payments } = yield* figures
      assert.deepStrictEqual(payments.failed, { count: 2, euros: 38 })
      assert.deepStrictEqual(payments.succeeded, { count: 1, euros: 19 })
    }).pipe(alone)
  )

  it.effect("is none while it is only reserved, and then what was taken of it", () =>
    Effect.gen(function* () {
      const reserved = charge({ captured: false, amount_captured: 0 })
      const { outcome, payments } = yield* receive(event("charge.succeeded", reserved))
      assert.deepStrictEqual({ outcome, payments }, { outcome: "ignored", payments: [] })
      const taken = yield* receive(event("charge.captured", { ...reserved, captured: true, amount_captured: 1500 }))
      assert.deepStrictEqual(taken.payments, [{ status: "succeeded", amountEur: 15 }])
    }).pipe(alone)
  )

  it.effect("that all went back is refunded, and had succeeded", () =>
    Effect.gen(function* () {
      const paid = charge()
      yield* receive(event("charge.succeeded", paid))
      const partly = yield* receive(event("charge.refunded", { ...paid, amount_refunded: 500 }))
      assert.deepStrictEqual(partly.payments, [])
      const wholly = yield* receive(event("charge.refunded", { ...paid, amount_refunded: 1900, refunded: true }))
      assert.deepStrictEqual(wholly.payments, [{ status: "refunded", amountEur: 19 }])
      const { payments } = yield* figures
      assert.deepStrictEqual(payments.succeeded, { count: 1, euros: 19 })
      assert.deepStrictEqual(payments.refunded, { count: 1, euros: 19 })
    }).pipe(alone)
  )

  it.effect("in another currency is counted, but is no euros, of which the log tells once", () =>
    Effect.gen(function* () {
      // 1900 of the smallest unit is 1900 yen, and 19 dollars.
      for (const currency of ["jpy", "usd", "jpy"]) {
        const { payments } = yield* receive(event("charge.succeeded", charge({ currency })))
        assert.deepStrictEqual(payments, [{ status: "succeeded", amountEur: 0 }])
      }
      yield* receive(event("charge.succeeded", charge({ amount: 999_999_999_999, amount_captured: 999_999_999_999 })))
      assert.deepStrictEqual((yield* figures).payments.succeeded, { count: 4, euros: 9_999_999_999.99 })
      const { lines } = yield* TestLog
      assert.lengthOf(
        lines.filter((line) => line.includes("Amounts in jpy")),
        1
      )
    }).pipe(alone)
  )
})

layer(Layer.empty, { excludeTestServices: true })("subscriptions", (it) => {
  it.effect("bring in a month and a year what their prices come to", () =>
    Effect.gen(function* () {
      const nothing = { mrrEuros: 0, arrEuros: 0, activeByPlan: {} }
      assert.deepInclude(yield* figures, nothing)
      const item = (quantity: number, unit_amount: number, interval: string, interval_count = 1) => ({
        quantity,
        price: price({ unit_amount, unit_amount_decimal: String(unit_amount) }, { interval, interval_count })
      })
      // 3 x 19.00 a month                                                  = 57.00
      yield* subscribe({ items: items(item(3, 1900, "month")) })
      // 228.00 a year, that is a twelfth                                   = 19.00
      yield* subscribe({ items: items(item(1, 22_800, "year")) })
      // 60.00 each 3 months                                                = 20.00
      yield* subscribe({ items: items(item(1, 6000, "month", 3)) })
      // 3.00 a week, 52 of them a year: 156.00 / 12                        = 13.00
      yield* subscribe({ items: items(item(1, 300, "week")) })
      // 6.00 each 2 weeks                                                  = 13.00
      yield* subscribe({ items: items(item(1, 600, "week", 2)) })
      // 0.24 a day, 365 of them a year: 87.60 / 12                         =  7.30
      yield* subscribe({ items: items(item(1, 24, "day")) })
      // Two items: 10.00 a month, and 2 x 60.00 a year                     = 20.00
      yield* subscribe({ items: items(item(1, 1000, "month"), item(2, 6000, "year")) })
      // 1000 x 0.5 cents a month                                           =  5.00
      yield* subscribe({
        items: items({ quantity: 1000, price: price({ unit_amount: null, unit_amount_decimal: "0.5" }) })
      })
      // Nobody knows before what is metered                                =  0.00
      yield* subscribe({ items: items({ price: price({}, { usage_type: "metered" }) }) })
      // In dollars                                                         =  0.00
      yield* subscribe({ currency: "usd" })
      const { activeByPlan, arrEuros, mrrEuros } = yield* figures
      assert.deepStrictEqual(activeByPlan, { pro: 10 })
      assert.closeTo(mrrEuros, 154.3, 1e-9)
      assert.closeTo(arrEuros, 1851.6, 1e-9)
    }).pipe(alone)
  )

  for (const [status, pays] of [
    ["active", true],
    ["past_due", true],
    ["trialing", false],
    ["incomplete", false],
    ["incomplete_expired", false],
    ["unpaid", false],
    ["paused", false],
    ["canceled", false]
  ] as const)
    it.effect(`that are ${status} ${pays ? "pay" : "do not pay"}`, () =>
      Effect.gen(function* () {
        yield* subscribe({ status })
        assert.strictEqual((yield* figures).mrrEuros, pays ? 19 : 0)
        assert.deepStrictEqual((yield* figures).activeByPlan, pays ? { pro: 1 } : {})
      }).pipe(alone)
    )

  it.effect("that are paused do not pay, until they are resumed", () =>
    Effect.gen(function* () {
      const one = subscription({ pause_collection: { behavior: "void", resumes_at: null } })
      yield* receive(event("customer.subscription.updated", one))
      assert.strictEqual((yield* figures).mrrEuros, 0)
      const resumed = { ...one, pause_collection: null }
      const received = yield* receive(event("customer.subscription.resumed", resumed, { created: moment + 1 }))
      assert.deepInclude(received, { outcome: "applied", subscription: "updated" })
      assert.strictEqual((yield* figures).mrrEuros, 19)
    }).pipe(alone)
  )

  it.effect("are told as created, updated and cancelled, each event once", () =>
    Effect.gen(function* () {
      const one = subscription({ status: "incomplete" })
      const events = [
        event("customer.subscription.created", one),
        event("customer.subscription.updated", { ...one, status: "active" }),
        event("customer.subscription.deleted", { ...one, status: "canceled" }, { created: moment + 5 }),
        event("customer.subscription.updated", { ...one, status: "active" }, { created: moment + 4 })
      ]
      const received = yield* Effect.forEach([...events, ...events], receive)
      assert.deepStrictEqual(
        received.map(({ outcome, subscription }) => `${outcome} ${subscription}`),
        [
          "applied created",
          "applied updated",
          "applied cancelled",
          "outdated updated",
          ...events.map(() => "repeated undefined")
        ]
      )
      assert.deepStrictEqual((yield* figures).activeByPlan, {})
    }).pipe(alone)
  )

  it.effect("are as their update says when that comes before what was in the same second", () =>
    Effect.gen(function* () {
      const one = subscription()
      const incomplete = { ...one, status: "incomplete" }
      const received = yield* Effect.forEach(
        [
          event("customer.subscription.updated", one),
          event("customer.subscription.created", incomplete),
          event("customer.subscription.updated", incomplete)
        ],
        receive
      )
      assert.deepStrictEqual(
        received.map(({ outcome, subscription }) => `${outcome} ${subscription}`),
        ["applied updated", "outdated created", "outdated updated"]
      )
      assert.strictEqual((yield* figures).mrrEuros, 19)
    }).pipe(alone)
  )

  it.effect("that have ended stay so, whatever else is said of them", () =>
    Effect.gen(function* () {
      const one = subscription()
      yield* receive(event("customer.subscription.deleted", { ...one, status: "canceled" }))
      yield* receive(event("customer.subscription.updated", one, { created: moment + 60 }))
      assert.deepStrictEqual((yield* figures).activeByPlan, {})
    }).pipe(alone)
  )

  for (const [plan, more] of [
    ["pro-2026", { lookup_key: "pro-2026" }],
    ["Pro_monthly_", { lookup_key: null, nickname: "Pro (monthly)" }],
    ["prod_1", { lookup_key: null, nickname: "" }],
    ["prod_2", { lookup_key: null, nickname: null, product: { id: "prod_2", name: "Pro" } }],
    ["_", { lookup_key: "\u0000\u{1f600}\n" }],
    ["x".repeat(40), { lookup_key: "x".repeat(5000) }]
  ] as const)
    it.effect(`are of the plan ${plan}`, () =>
      Effect.gen(function* () {
        yield* subscribe({ items: items({ quantity: 1, price: price(more) }) })
        assert.deepStrictEqual((yield* figures).activeByPlan, { [plan]: 1 })
      }).pipe(alone)
    )
})
