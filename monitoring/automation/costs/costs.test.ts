import { assert, describe, it, layer } from "@effect/vitest"
import { DateTime, Effect, Option, Schedule, Schema } from "effect"
import { createHash, randomUUID } from "node:crypto"
import * as Day from "../Day.ts"
import { nowhere, Planted, told } from "../../test/Planted.ts"
import { serving } from "../../test/Serving.ts"
import { run } from "./command.ts"
import { Report } from "./Costs.ts"
import { lookup } from "./CostsRepo.ts"
import { cheaper, listed, type Prices } from "./prices.ts"

const at = (day: Day.Day, time: string) => `${day.name}T${time}Z`
const round = (euros: number) => Math.round(euros * 1e6) / 1e6
const pseudonymOf = (id: string) => createHash("sha256").update(id).digest("hex").slice(0, 12)

/** The last ten days, of which a month is three times as much. */
const costs = Effect.fnUntraced(function* (date: Day.Day, more: Readonly<Record<string, string>> = {}, days = 10) {
  const { url } = yield* Planted
  const outcome = yield* Effect.provide(
    run({ json: false, dryRun: false, date: Option.some(date), days: Option.some(days) }),
    told({ POSTGRES_URL: url, ...more })
  )
  return { ...outcome, report: yield* Schema.decodeUnknownEffect(Report)(outcome.json) }
})

const found = ({ findings }: Report) => findings.map(({ eurPerMonth, kind }) => [kind, round(eurPerMonth)])

layer(Planted.layer, { excludeTestServices: true })("costs", (it) => {
  it.effect("of an empty database are no data, and not 0", () =>
    Effect.gen(function* () {
      const { report, state, text } = yield* costs(yield* Day.yesterday)
      assert.deepStrictEqual(
        [report.totalEur, report.models, report.users, report.people, report.kinds],
        [null, null, null, null, null]
      )
      assert.include(text, "Spent: no data")
      assert.notMatch(text, /€0\b/u)
      // Prometheus is not there, and that is said, with its address.
      assert.strictEqual(state, "warning")
      assert.include(text, nowhere)
    })
  )
})

layer(Planted.layer, { excludeTestServices: true })("costs that Prometheus saw a part of", (it) => {
  it.effect("are the database's, and what Prometheus did not count is told", () =>
    Effect.gen(function* () {
      const { turns, user } = yield* Planted
      const date = yield* Day.yesterday
      yield* turns([{ user: yield* user, at: at(date, "12:00:00"), eur: 0.33 }])
      const success = (result: ReadonlyArray<unknown>) => ({
        status: "success",
        data: { resultType: "vector", result }
      })
      const { report } = yield* costs(date, {
        PROMETHEUS_URL: yield* serving({
          // Of each question it is by one of the labels.
          "/api/v1/query": success([
            { metric: { kind: "answer", mode: "json" }, value: [0, "0.12"] },
            { metric: { kind: "retried", mode: "stream" }, value: [0, "0.04"] }
          ]),
          "/api/v1/query_range": success([])
        })
      })
      assert.deepStrictEqual(
        report.kinds?.map(({ costEur, kind }) => [kind, round(costEur)]),
        [
          ["answer", 0.12],
          ["retried", 0.04],
          ["not counted", 0.17]
        ]
      )
      assert.deepStrictEqual(
        report.routes?.map(({ costEur }) => round(costEur)),
        [0.2475, 0.0825]
      )
    })
  )
})

layer(Planted.layer, { excludeTestServices: true })("costs with something in them", (it) => {
  it.effect("find the expensive user, the storm and the rest, each at its price", () =>
    Effect.gen(function* () {
      const { sql, turns, user } = yield* Planted
      const date = Day.plus(yield* Day.today, -3)
      const [dear, dearer, stormy, ...others] = yield* Effect.all(Array.from({ length: 23 }, () => user))
      if (dear === undefined || dearer === undefined || stormy === undefined) return assert.fail()
      const earlier = (days: number, time = "12:00:00") => at(Day.plus(date, -days), time)
      const ten = Array.from({ length: 10 }, (_, index) => index)

      // 40,000 × 1.84 + 1,000 × 7.36 for a million: 0.08096; ten of them a month: 2.4288.
      const turn = { model: "gpt-4.1", input: 40_000, output: 1000, eur: 0.080_96 }
      yield* turns(ten.map((index) => ({ ...turn, user: dear, at: earlier(index) })))
      // Ten at 0.1 in ten days: 3.00 a month.
      const dearerTurn = { model: "gpt-4.1", input: 50_000, output: 1086, eur: 0.1 }
      yield* turns(ten.map((index) => ({ ...dearerTurn, user: dearer, at: earlier(index) })))
      // 19 turns of 2,000 tokens and one of 102,000.
      yield* turns(
        others.map((user, index) => ({
          user,
          at: earlier(index % 10),
          model: "o4-mini",
          input: index === 7 ? 102_000 : 2000,
          output: 0,
          eur: index === 7 ? 0.103_224 : 0.002_024
        }))
      )
      // Twelve times in vain within an hour, at 0.01; and two of another hour at 0.02.
      const vain = { user: stormy, model: "a model without a price", failed: true, session: randomUUID() }
      yield* turns(
        Array.from({ length: 12 }, (_, index) => ({ ...vain, at: earlier(1, `08:${10 + index}:00`), eur: 0.01 }))
      )
      yield* turns(["10:00:00", "10:01:00"].map((time) => ({ ...vain, at: earlier(1, time), eur: 0.02 })))
      // Before and after what is asked for.
      yield* turns([
        { user: dear, at: earlier(10, "23:59:59"), eur: 100 },
        { user: dear, at: at(Day.plus(date, 1), "00:00:00"), eur: 100 }
      ])

      const { report, state, text } = yield* costs(date)
      assert.strictEqual(report.monthFactor, 3)
      assert.deepStrictEqual(
        report.models?.map(({ costEur, model }) => [model, round(costEur)]),
        [
          ["gpt-4.1", 1.8096],
          ["a model without a price", 0.16],
          ["o4-mini", 0.14168]
        ]
      )
      assert.deepStrictEqual(found(report), [
        // gpt-4.1-mini, for 900,000 and 20,860 tokens: 0.3312 + 0.03070592. (1.8096 - 0.36190592) × 3.
        ["cheaper_model", 4.343_082],
        ["users_over_limit", 1],
        ["users_over_target", 0.4288],
        ["retry_storm", 0.36],
        // gpt-5-mini, for 140,000 tokens: 0.0322. (0.14168 - 0.0322) × 3.
        ["cheaper_model", 0.328_44],
        // 100,000 × 1.012 for a million, × 3.
        ["long_contexts", 0.3036],
        ["failed_turns", 0.12]
      ])
      assert.strictEqual(state, "warning")
      assert.deepStrictEqual(
        report.users?.slice(0, 2).map(({ monthEur, pseudonym }) => [pseudonym, round(monthEur)]),
        [
          [pseudonymOf(dearer), 3],
          [pseudonymOf(dear), 2.4288]
        ]
      )
      assert.strictEqual(report.people, 23)
      for (const word of ["If: ", "Do: ", "over the limit of €2.50", "over the target of €2.00"])
        assert.include(text, word)

      // Nothing leads to a person but the database itself.
      for (const id of [dear, dearer, stormy]) assert.notInclude(JSON.stringify(report) + text, id)
      assert.notInclude(JSON.stringify(report) + text, "@")
      assert.deepStrictEqual(yield* sql.unsafe(lookup(pseudonymOf(dear))), [{ id: dear, email: `${dear}@example.com` }])
    })
  )
})

layer(Planted.layer, { excludeTestServices: true })("costs of many calls", (it) => {
  it.effect("are added up with an index, without a look at the whole table", () =>
    Effect.gen(function* () {
      const { sql, user } = yield* Planted
      const date = yield* Day.yesterday
      const person = yield* user
      yield* sql`INSERT INTO usage (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur, created_at)
        SELECT ${person}::uuid, ${person}::uuid, gen_random_uuid(), 'gpt-4o-mini', 1000, 100, 0.0001932,
          ${DateTime.formatIso(date.end)}::timestamptz - (30000 - n) * interval '15 minutes'
        FROM generate_series(1, 29999) n`
      yield* sql`VACUUM ANALYZE usage`
      const scans = Effect.map(
        sql<{ readonly index: number; readonly whole: number }>`
          SELECT pg_stat_force_next_flush(), seq_scan::integer AS whole,
            (SELECT sum(idx_scan)::integer FROM pg_stat_user_indexes WHERE relname = 'usage') AS index
          FROM pg_stat_user_tables WHERE relname = 'usage'`,
        ([found]) => found ?? { index: 0, whole: 0 }
      )
      yield* scans
      const before = yield* scans
      const { report, state } = yield* costs(date)
      assert.strictEqual(report.models?.[0]?.calls, (10 * 24 * 60) / 15)
      assert.strictEqual(state, "warning")
      // The connection that has looked tells of it when it is closed.
      const after = yield* Effect.repeat(scans, {
        until: ({ index }) => index >= before.index + 4,
        schedule: Schedule.spaced("50 millis")
      })
      assert.strictEqual(after.whole, before.whole)
    })
  )
})

const prices: Prices = {
  version: "1",
  models: new Map([
    ["large", { input: 9, output: 9 }],
    ["new", { input: 6.1, output: 6.1 }],
    ["large-2025-01-01", { input: 5, output: 5 }],
    ["other", { input: 6, output: 6 }],
    ["large-small", { input: 3, output: 3 }],
    ["free", { input: 0, output: 0 }]
  ])
}

describe("a cheaper model", () => {
  it("is of the family, if there is one, and costs at the most two thirds", () => {
    assert.strictEqual(cheaper(prices, "large", 100, 10)?.model, "large-small")
    assert.strictEqual(cheaper(prices, "other", 100, 10)?.model, "large-small")
    const models = new Map([...prices.models].filter(([name]) => name !== "large-small"))
    assert.strictEqual(cheaper({ ...prices, models }, "large", 100, 10)?.model, "other")
  })

  it("is none where nothing is cheaper, or nobody knows what it costs", () => {
    assert.isUndefined(cheaper(prices, "large-small", 100, 10))
    assert.isUndefined(cheaper(prices, "unheard of", 100, 10))
  })

  it.each([
    ["openai/large", "large"],
    ["large-2026-02-03", "large"],
    ["large-2025-01-01", "large-2025-01-01"],
    ["unheard of", undefined]
  ])("%s is found in the table as %s", (model, name) => {
    assert.strictEqual(listed(prices, model), name)
  })
})
