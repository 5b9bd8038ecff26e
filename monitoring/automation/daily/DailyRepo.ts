/** What the database tells of days, which begin in UTC. PostgreSQL adds up. */
import { Effect, Schema } from "effect"
import { type SqlClient, type SqlError, SqlSchema } from "effect/sql"

const Used = Schema.Struct({
  date: Schema.String,
  turns: Schema.Finite,
  users: Schema.Finite,
  costEur: Schema.Finite
})

/** What was refunded had succeeded. Amounts are of those in euros. */
const Paid = Schema.Struct({
  date: Schema.String,
  succeeded: Schema.Finite,
  failed: Schema.Finite,
  euros: Schema.Finite
})

const Before = Schema.Struct({ usage: Schema.Boolean, payments: Schema.Boolean })

/** Nothing, where nobody has subscribed yet, or it was not counted yet. */
const Revenue = Schema.Struct({ arrEur: Schema.NullOr(Schema.Finite) })

/** From the first moment until before the last. */
export const read = Effect.fnUntraced(
  function* (sql: SqlClient.SqlClient, start: string, end: string) {
    const day = sql.literal("to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
    const inTime = sql`created_at >= ${start}::timestamptz AND created_at < ${end}::timestamptz`
    const all = <Row extends Schema.Constraint>(
      Result: Row,
      execute: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>
    ) => SqlSchema.findAll({ Request: Schema.Void, Result, execute: () => execute })(undefined)

    const usage = yield* all(
      Used,
      sql`
      SELECT ${day} AS date, count(DISTINCT message_id)::float8 AS turns, count(DISTINCT user_id)::float8 AS users,
        sum(cost_eur)::float8 AS "costEur"
      FROM usage WHERE ${inTime} GROUP BY 1`
    )
    const payments = yield* all(
      Paid,
      sql`
      SELECT ${day} AS date, count(*) FILTER (WHERE status <> 'failed')::float8 AS succeeded,
        count(*) FILTER (WHERE status = 'failed')::float8 AS failed,
        (coalesce(sum(amount) FILTER (WHERE status <> 'failed' AND currency = 'eur'), 0) / 100)::float8 AS euros
      FROM payments WHERE ${inTime} GROUP BY 1`
    )
    // The oldest rows come first, so neither looks at many.
    const [before] = yield* all(
      Before,
      sql`
      SELECT EXISTS (SELECT FROM usage WHERE created_at < ${start}::timestamptz) AS usage,
        EXISTS (SELECT FROM payments WHERE created_at < ${start}::timestamptz) AS payments`
    )
    const [revenue] = yield* all(
      Revenue,
      sql`
      SELECT (numbers ->> 'arrEur')::float8 AS "arrEur" FROM business_metrics
      WHERE EXISTS (SELECT FROM subscriptions)`
    )
    return { usage, payments, before: before ?? { usage: false, payments: false }, arrEur: revenue?.arrEur ?? null }
  },
  Effect.catchTag("SchemaError", Effect.die)
)
export type Read = Effect.Success<ReturnType<typeof read>>
