/** What is counted in the database, as it is shown by servers that share it. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import { parse, valueOf } from "../../test/Exposition.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestLog from "../../test/TestLog.ts"
import { layerConfig } from "../../test/TestServer.ts"
import { whenBlocked } from "../../test/whenBlocked.ts"
import * as Wire from "../../test/Wire.ts"
import { Billing } from "../Billing/Billing.ts"
import { reasonsOf } from "../Sql/reasons.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Business } from "./Business.ts"

const freshness = "business_metrics_last_success_timestamp_seconds"

/** A server that counts at its start, and then when it is told to and what is known is as old as that. */
const server = Effect.fnUntraced(function* (interval = "1 hour") {
  const context = yield* Layer.build(
    Layer.fresh(Business.layer.pipe(Layer.provide(Billing.layer), Layer.provideMerge(Metrics.layer))).pipe(
      Layer.provide(layerConfig({ BUSINESS_METRICS_INTERVAL: interval, LLM_DAILY_BUDGET_EUR: "12.5" }))
    )
  )
  const { exposition } = Context.get(context, Metrics)
  const shown = Effect.map(exposition, parse)
  const { refresh } = Context.get(context, Business)
  // It may be at it already, by itself: then there is nothing to be shown yet.
  const counted = refresh.pipe(
    Effect.andThen(shown),
    Effect.repeat({ until: (exposition) => (valueOf(exposition, freshness) ?? 0) > 0 })
  )
  return { refresh, shown, counted }
})

/** Somebody who spent so much in this month and in the one before, and last did so long ago. */
const spender = Effect.fnUntraced(function* (euros: number, before: number, ago = "1 minute") {
  const sql = yield* SqlClient.SqlClient
  const id = randomUUID()
  yield* sql`INSERT INTO users VALUES (${id}, ${`${id}@example.com`}, '', now(), now())`
  for (const [months, spent] of [[0, euros] as const, [1, before] as const]) {
    if (spent === 0) continue
    yield* sql`INSERT INTO usage_months
      SELECT ${id}, (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => ${months}))::date,
        ${String(spent)}::numeric`
  }
  yield* sql`INSERT INTO usage (user_id, model, input_tokens, output_tokens, cost_eur, created_at)
    VALUES (${id}, 'm', 1, 1, ${String(euros)}::numeric, now() - ${ago}::interval)`
})

const clear = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`DELETE FROM users`
  yield* sql`UPDATE business_metrics SET numbers = NULL, counted_at = NULL`
})

/** How much of the month is gone, in days, and how many it has. */
const month = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [part] = yield* sql<{ gone: number; days: number }>`
    SELECT (extract(epoch FROM time - month) / 86400)::float8 AS gone,
      (extract(epoch FROM month + interval '1 month' - month) / 86400)::float8 AS days
    FROM (SELECT now() AT TIME ZONE 'UTC' AS time, date_trunc('month', now() AT TIME ZONE 'UTC') AS month) AS clock`
  return part ?? assert.fail("no month")
})

const On = Layer.merge(TestLog.layer, NodeServices.layer)

layer(Layer.merge(TestDatabase.layer, On), { excludeTestServices: true })("business metrics", (it) => {
  it.effect("tell what users cost, and what their month will have cost", () =>
    Effect.gen(function* () {
      yield* clear
      yield* spender(1, 3)
      yield* spender(2.25, 0)
      yield* spender(2.75, 0)
      // Of whom nothing was heard this month.
      yield* spender(0, 1, "40 days")
      const { counted } = yield* server()
      const exposition = yield* counted
      const { days, gone } = yield* month
      const pace = Math.max(1, days / Math.max(gone, 7))
      const months = [1 + 3 * (1 - gone / days), 2.25 * pace, 2.75 * pace].toSorted((a, b) => a - b)
      const stat = (stat: string) => valueOf(exposition, "llm_cost_per_active_user_euros", { stat }) ?? Number.NaN
      assert.closeTo(stat("avg"), months.reduce((sum, each) => sum + each, 0) / 3, 0.001)
      assert.closeTo(stat("p50"), months[1] ?? 0, 0.001)
      assert.closeTo(stat("max"), months[2] ?? 0, 0.001)
      assert.isAbove(stat("p95"), months[1] ?? 0)
      assert.strictEqual(valueOf(exposition, "llm_users_over_cost", { threshold: "target" }), 2)
      assert.strictEqual(valueOf(exposition, "llm_users_over_cost", { threshold: "limit" }), 1)
      assert.strictEqual(valueOf(exposition, "llm_daily_budget_euros"), 12.5)
      assert.strictEqual(valueOf(exposition, "revenue_arr_target_euros"), 25_000)
    })
  )

  it.effect("tell who was there in a day, a week and a month, and what today has cost", () =>
    Effect.gen(function* () {
      yield* clear
      for (const ago of ["0 seconds", "0 seconds", "2 days", "8 days", "29 days", "31 days"]) {
        yield* spender(0.5, 0, ago)
      }
      const { counted } = yield* server()
      const exposition = yield* counted
      const active = (window: string) => valueOf(exposition, "users_active", { window })
      assert.deepStrictEqual([active("day"), active("week"), active("month")], [2, 3, 5])
      assert.strictEqual(valueOf(exposition, "llm_cost_today_euros"), 1)
    })
  )

  it.effect("leave out what is dated in the future, and say so", () =>
    Effect.gen(function* () {
      yield* clear
      yield* spender(0.5, 0)
      yield* spender(700, 0, "-2 days")
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE usage_months SET month = month + interval '1 month' WHERE cost_eur = 700`
      const { counted } = yield* server()
      const exposition = yield* counted
      const active = (window: string) => valueOf(exposition, "users_active", { window })
      assert.deepStrictEqual([active("day"), active("week"), active("month")], [1, 1, 1])
      assert.strictEqual(valueOf(exposition, "llm_cost_today_euros"), 0.5)
      const warnings = (yield* TestLog.all).filter(({ event }) => event === "business.future_usage")
      assert.deepStrictEqual(
        warnings.map(({ level, rows }) => [level, rows]),
        [["WARN", 1]]
      )
    })
  )

  it.effect("are never of costs that are no number, because none is stored", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* clear
      yield* spender(1, 0)
      for (const table of ["usage", "usage_months"]) {
        const refused = yield* Effect.flip(sql`UPDATE ${sql(table)} SET cost_eur = 'NaN'`)
        assert.include(reasonsOf(refused).join(), `${table}_cost_is_a_number`)
      }
    })
  )

  it.effect("are counted again at once when a clock that was ahead has counted them", () =>
    Effect.gen(function* () {
      yield* clear
      const { counted, refresh, shown } = yield* server()
      yield* counted
      yield* spender(1, 0)
      const sql = yield* SqlClient.SqlClient
      yield* sql`UPDATE business_metrics SET counted_at = now() + interval '3 hours'`
      yield* refresh
      assert.strictEqual(valueOf(yield* shown, "users_active", { window: "day" }), 1)
    })
  )

  it.effect("are counted by one of several servers, and shown alike by all", () =>
    Effect.gen(function* () {
      yield* clear
      const servers = yield* Effect.all([server(), server(), server()])
      yield* Effect.forEach(servers, ({ counted }) => counted, { concurrency: "unbounded" })
      yield* clear
      yield* spender(1, 0)
      yield* Effect.forEach([...servers, ...servers, ...servers], ({ refresh }) => refresh, {
        concurrency: "unbounded"
      })
      // Who came while it was being counted shows it from the next time on.
      yield* Effect.forEach(servers, ({ refresh }) => refresh)
      const all = yield* Effect.forEach(servers, ({ shown }) => shown)
      const seen = all.map((each) => [valueOf(each, freshness), valueOf(each, "users_active", { window: "day" })])
      assert.deepStrictEqual(seen, [seen[0], seen[0], seen[0]])
      assert.strictEqual(seen[0]?.[1], 1)
      // It is not old enough to be counted again.
      yield* spender(1, 0)
      yield* Effect.forEach(servers, ({ refresh }) => refresh)
      const [again] = yield* Effect.forEach(servers, ({ shown }) => shown)
      assert.deepStrictEqual(
        again && [valueOf(again, freshness), valueOf(again, "users_active", { window: "day" })],
        seen[0]
      )
    })
  )
})

layer(Wire.layerDirect.pipe(Layer.provideMerge(On)), { excludeTestServices: true })("business metrics", (it) => {
  it.effect("stay as they were while the database is away, and say since when", () =>
    Effect.gen(function* () {
      const wire = yield* Wire.Wire
      yield* clear
      yield* spender(1, 0)
      const there = yield* server("10 millis").pipe(Effect.provide(yield* Layer.build(Wire.layerDatabaseOf(wire))))
      const before = yield* there.counted
      yield* wire.cut
      yield* there.refresh
      const meanwhile = yield* there.shown
      for (const name of [freshness, "users_active", "llm_cost_today_euros"]) {
        assert.isAbove(valueOf(before, name) ?? 0, 0, name)
        assert.strictEqual(valueOf(meanwhile, name), valueOf(before, name), name)
      }
      yield* wire.mend
      yield* spender(1, 0)
      yield* there.refresh.pipe(
        Effect.andThen(there.shown),
        Effect.repeat({ until: (now) => (valueOf(now, freshness) ?? 0) > (valueOf(before, freshness) ?? 0) })
      )
      assert.strictEqual(valueOf(yield* there.shown, "users_active", { window: "day" }), 2)
    })
  )

  it.effect("are given up for now when the database falls silent while it counts, and counted by another server", () =>
    Effect.gen(function* () {
      const wire = yield* Wire.Wire
      const sql = yield* SqlClient.SqlClient
      const clock = yield* Layer.build(TestClock.layer())
      const database = yield* Layer.build(Wire.layerDatabaseOf(wire, "500 millis"))
      const there = yield* server().pipe(Effect.provide(database))
      yield* there.counted
      yield* clear
      const counting = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE usage_months IN ACCESS EXCLUSIVE MODE`
          const counting = yield* whenBlocked(Effect.provide(there.refresh, clock))
          yield* wire.freeze
          return counting
        })
      )
      const elsewhere = yield* server()
      yield* elsewhere.counted
      yield* Effect.provide(TestClock.adjust("2 minutes"), clock)
      yield* counting
      yield* wire.cut
      yield* wire.mend
      yield* there.refresh.pipe(
        Effect.andThen(there.shown),
        Effect.repeat({ until: (now) => valueOf(now, "users_active", { window: "day" }) === 0 })
      )
    })
  )
})
