import { ExportedUsage } from "@parley/domain/Export"
import { ModelMonth, Month, MonthlyUsage } from "@parley/domain/Usage"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({ ...ModelMonth.fields, month: Month, turns: MonthlyUsage.fields.turns })

/** Where in the list of calls: to the microsecond, which a `Date` would lose. */
const Position = Schema.Struct({ position_at: Schema.String, position: Schema.BigInt })
export type Position = typeof Position.Type

const Call = Schema.Struct({
  ...ExportedUsage.fields,
  ...Position.fields,
  created_at: Schema.DateTimeUtcFromDate
})

/** What turns have taken. They write it; this reads it. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    /**
     * All of the user's month first, also when there is nothing in it, then each of its models, the dearest first. Months
     * begin in UTC and by the clock of the database, as do the times of the rows.
     */
    month: SqlSchema.findNonEmpty({
      Request: Schema.Struct({ userId: UserId, month: Schema.UndefinedOr(Month) }),
      Result: Row,
      execute: ({ month, userId }) => {
        const begins =
          month === undefined ? sql`date_trunc('month', now() AT TIME ZONE 'UTC')` : sql`${`${month}-01`}::timestamp`
        return sql`
          SELECT to_char(${begins}, 'YYYY-MM') AS month, coalesce(model, '') AS model,
            count(DISTINCT message_id)::integer AS turns,
            coalesce(sum(input_tokens), 0)::float8 AS input_tokens,
            coalesce(sum(output_tokens), 0)::float8 AS output_tokens,
            coalesce(sum(cost_eur), 0)::float8 AS cost_eur, count(*)::integer AS calls
          FROM usage
          WHERE user_id = ${userId} AND created_at >= ${begins} AT TIME ZONE 'UTC'
            AND created_at < (${begins} + interval '1 month') AT TIME ZONE 'UTC'
          GROUP BY GROUPING SETS ((), (model))
          ORDER BY grouping(model) DESC, cost_eur DESC, model`
      }
    }),

    /** Each call of the model, oldest first, those after the position. */
    calls: SqlSchema.findAll({
      Request: Schema.Struct({ userId: UserId, after: Schema.UndefinedOr(Position), limit: Schema.Int }),
      Result: Call,
      execute: ({ after, limit, userId }) => sql`
        SELECT session_id, message_id, model, input_tokens::float8, output_tokens::float8, cost_eur::float8, estimated,
          created_at, created_at::text AS position_at, id AS position
        FROM usage
        WHERE user_id = ${userId}
        ${after === undefined ? sql.literal("") : sql`AND (created_at, id) > (${after.position_at}::timestamptz, ${after.position})`}
        ORDER BY created_at, id LIMIT ${limit}`
    })
  }
})
