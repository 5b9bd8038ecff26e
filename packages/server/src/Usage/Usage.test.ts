import { assert, layer } from "@effect/vitest"
import { Month } from "@parley/domain/Usage"
import { UserId } from "@parley/domain/Users"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { layerConfig } from "../../test/TestServer.ts"
import { Usage } from "./Usage.ts"

const newUser = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const id = UserId.make(randomUUID())
  yield* sql`INSERT INTO users (id, email, hashed_password, created_at, updated_at)
    VALUES (${id}, ${`${id}@example.com`}, '', now(), now())`
  return id
})

interface Call {
  /** Now, unless it is told. */
  readonly at?: string
  readonly model?: string
  readonly answer?: string
  readonly tokens?: readonly [input: number, output: number]
  readonly euros?: string
}

const call = Effect.fnUntraced(function* (userId: UserId, { answer, at, euros, model, tokens }: Call) {
  const sql = yield* SqlClient.SqlClient
  const [input, output] = tokens ?? [1, 1]
  yield* sql`
    INSERT INTO usage (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur, created_at)
    VALUES (${userId}, gen_random_uuid(), ${answer ?? null}::uuid, ${model ?? "gpt-4o-mini"}, ${input}, ${output},
      ${euros ?? "0"}::numeric, coalesce(${at ?? null}::timestamptz, now()))`
})

const spent = (userId: UserId, month?: string) =>
  Effect.flatMap(Usage, (usage) => usage.spent(userId, month === undefined ? undefined : Month.make(month)))

const layerTest = Usage.layer.pipe(Layer.provideMerge(TestDatabase.layer), Layer.provide(layerConfig()))

/** In a transaction whose `now()` and time zone are these. */
const at =
  (now: string, zone: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`SELECT set_config('TimeZone', ${zone}, true)`
      yield* sql`CREATE SCHEMA clock`
      yield* sql`CREATE FUNCTION clock.now() RETURNS timestamptz STABLE RETURN ${sql.literal(`'${now}'`)}::timestamptz`
      yield* sql`SET LOCAL search_path = clock, pg_catalog, public`
      const result = yield* effect
      yield* sql`DROP SCHEMA clock CASCADE`
      return result
    })

layer(layerTest)("a month's usage", (it) => {
  it.effect("adds up calls, by model and in all, the dearest model first", () =>
    Effect.gen(function* () {
      const user = yield* newUser
      const [first, second] = [randomUUID(), randomUUID()]
      const at = "2026-11-05T12:00:00Z"
      yield* call(user, { at, answer: first, tokens: [100, 10], euros: "0.00000001" })
      yield* call(user, { at, answer: first, tokens: [200, 20], euros: "0.1" })
      yield* call(user, { at, answer: first, model: "o3", tokens: [1, 2], euros: "0.2" })
      yield* call(user, { at, answer: second, model: "llama3.2", tokens: [5, 5] })
      assert.deepStrictEqual(yield* spent(user, "2026-11"), {
        month: Month.make("2026-11"),
        turns: 2,
        input_tokens: 306,
        output_tokens: 37,
        cost_eur: 0.300_000_01,
        target_eur: 2,
        limit_eur: 2.5,
        models: [
          { model: "o3", input_tokens: 1, output_tokens: 2, cost_eur: 0.2, calls: 1 },
          { model: "gpt-4o-mini", input_tokens: 300, output_tokens: 30, cost_eur: 0.100_000_01, calls: 2 },
          { model: "llama3.2", input_tokens: 5, output_tokens: 5, cost_eur: 0, calls: 1 }
        ]
      })
    })
  )

  it.effect("counts what was spent in vain, but not as a turn", () =>
    Effect.gen(function* () {
      const user = yield* newUser
      const at = "2026-11-05T12:00:00Z"
      yield* call(user, { at, answer: randomUUID(), tokens: [10, 1], euros: "0.25" })
      yield* call(user, { at, tokens: [20, 2], euros: "0.5" })
      assert.deepInclude(yield* spent(user, "2026-11"), {
        turns: 1,
        input_tokens: 30,
        output_tokens: 3,
        cost_eur: 0.75
      })
    })
  )

  it.effect("is nothing where there was nothing", () =>
    Effect.gen(function* () {
      const nothing = { turns: 0, input_tokens: 0, output_tokens: 0, cost_eur: 0, models: [] }
      const user = yield* newUser
      for (const month of ["1000-01", "2026-11", "9999-12"])
        assert.deepInclude(yield* spent(user, month), { month: Month.make(month), ...nothing })
    })
  )

  it.effect("does not hear of other people's", () =>
    Effect.gen(function* () {
      const [mine, others] = [yield* newUser, yield* newUser]
      const at = "2026-11-05T12:00:00Z"
      yield* call(mine, { at, tokens: [1, 1] })
      yield* call(others, { at, tokens: [1000, 1000], model: "gpt-4o" })
      assert.deepInclude(yield* spent(mine, "2026-11"), { input_tokens: 1, output_tokens: 1 })
    })
  )

  it.effect.each(["UTC", "Pacific/Auckland", "America/Los_Angeles"])(
    "begins and ends in UTC, also where the database has its clocks in %s",
    (zone) =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const user = yield* newUser
        yield* call(user, { at: "2026-11-30T23:59:59.999999Z", tokens: [1, 0] })
        yield* call(user, { at: "2026-12-01T00:00:00Z", tokens: [10, 0] })
        yield* call(user, { at: "2026-12-31T23:59:59.999999Z", tokens: [100, 0] })
        yield* call(user, { at: "2027-01-01T00:00:00Z", tokens: [1000, 0] })
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SELECT set_config('TimeZone', ${zone}, true)`
            for (const [month, input_tokens, calls] of [
              ["2026-11", 1, 1],
              ["2026-12", 110, 2],
              ["2027-01", 1000, 1],
              ["2027-02", 0, 0]
            ] as const) {
              const usage = yield* spent(user, month)
              assert.deepInclude(usage, { month: Month.make(month), input_tokens })
              assert.strictEqual(usage.models[0]?.calls ?? 0, calls)
            }
          })
        )
      })
  )

  it.effect("is that of the current month when none is named, in UTC and by the clock of the database", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const user = yield* newUser
      yield* call(user, { at: "2020-12-01T00:00:00Z", tokens: [1, 0] })
      yield* call(user, { at: "2021-01-01T00:00:00Z", tokens: [10, 0] })
      for (const [now, month, input_tokens] of [
        ["2020-12-31T23:59:59.999999Z", "2020-12", 1],
        ["2021-01-01T00:00:00Z", "2021-01", 10]
      ] as const) {
        for (const zone of ["Pacific/Auckland", "America/Los_Angeles"]) {
          const usage = yield* spent(user).pipe(at(now, zone), sql.withTransaction)
          assert.deepInclude(usage, { month: Month.make(month), input_tokens })
        }
      }
      const justNow = yield* sql.withTransaction(Effect.andThen(call(user, { tokens: [100, 0] }), spent(user)))
      assert.deepInclude(justNow, { input_tokens: 100 })
    })
  )

  it.effect("is read by the index, and nothing else is", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const user = yield* newUser
      const others = yield* newUser
      yield* sql`
        INSERT INTO usage (user_id, model, input_tokens, output_tokens, cost_eur, created_at)
        SELECT CASE WHEN i % 2 = 0 THEN ${user}::uuid ELSE ${others}::uuid END, 'gpt-4o-mini', 1, 1, 0,
          timestamptz '2026-11-01 00:00Z' + make_interval(hours => i)
        FROM generate_series(-10000, 10000) AS i`
      yield* sql`ANALYZE usage`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          const read = sql<{ readonly scanned: number; readonly fetched: number }>`
            SELECT seq_tup_read::integer AS scanned, idx_tup_fetch::integer AS fetched
            FROM pg_stat_xact_user_tables WHERE relname = 'usage'`
          const [before] = yield* read
          // More often than PostgreSQL plans anew for the values of a prepared statement.
          for (let time = 0; time < 8; time++) {
            const { input_tokens } = yield* spent(user, "2026-11")
            assert.strictEqual(input_tokens, 360)
          }
          const [after] = yield* read
          assert.strictEqual(Number(after?.scanned) - Number(before?.scanned), 0)
          assert.strictEqual(Number(after?.fetched) - Number(before?.fetched), 8 * 360)
        })
      )
    })
  )
})
