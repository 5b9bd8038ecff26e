import { Effect, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { BusinessNumbers } from "../Telemetry/BusinessNumbers.ts"

/** What can be read off the tables of usage. The database's clock tells the time; days and months begin in UTC. */
const UsageNumbers = BusinessNumbers.mapFields(
  ({ costPerActiveUserEur, costTodayEur, usersActive, usersOverCost }) => ({
    costPerActiveUserEur,
    costTodayEur,
    usersActive,
    usersOverCost
  })
)
/** With the rows that are dated in the future, and are in none of the numbers. */
const Usage = Schema.Struct({ ...UsageNumbers.fields, futureRows: Schema.Finite })

const numbers = Schema.fromJsonString(BusinessNumbers)

/** A week: of less, nobody knows what a month will be. */
const shortestPace = 7

export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    transaction: sql.withTransaction,

    /**
     * Locks the row, if it is older than that (or a clock that was ahead has dated it) and nobody else is at it. What is done
     * in the same transaction may take more memory than a request's statements, and longer: it goes through everybody who has
     * spent something. A server that is not heard of meanwhile loses the row to the next, also behind a pooler, where
     * connections have no limits.
     */
    claim: SqlSchema.findOneOption({
      Request: Schema.Finite,
      Result: Schema.Struct({ is_only: Schema.Boolean }),
      execute: (olderThanSeconds) => sql`
        SELECT is_only, set_config('work_mem', '64MB', true), set_config('statement_timeout', '60s', true),
          set_config('idle_in_transaction_session_timeout', '5s', true)
        FROM business_metrics
        WHERE counted_at IS NULL OR counted_at <= now() - make_interval(secs => ${olderThanSeconds})
          OR counted_at > now() + interval '1 minute'
        FOR UPDATE SKIP LOCKED`
    }),

    store: SqlSchema.void({
      Request: numbers,
      execute: (json) => sql`UPDATE business_metrics SET numbers = ${json}::jsonb, counted_at = now()`
    }),

    read: SqlSchema.findOneOption({
      Request: Schema.Void,
      Result: Schema.Struct({ numbers: BusinessNumbers, counted_at: Schema.DateTimeUtcFromDate }),
      execute: () => sql`SELECT numbers, counted_at FROM business_metrics WHERE numbers IS NOT NULL`
    }),

    /**
     * What a user's month will cost is what it has cost, and for the rest of it what the rest of the month before would
     * have; of who spent nothing then, what they would spend at the pace of this month. So the first days of a month, of
     * which little is known, do not count for thirty. Clocks of servers may differ by a minute; what is later is nobody's.
     */
    usage: ({ limitEur, targetEur }: { readonly targetEur: number; readonly limitEur: number }) =>
      // As a stream, which may take its time: of other statements the pool expects an answer within seconds.
      sql`
        WITH clock AS (
          SELECT now() AT TIME ZONE 'UTC' AS time, date_trunc('month', now() AT TIME ZONE 'UTC') AS month
        ), part AS (
          SELECT month::date AS month, (month - interval '1 month')::date AS month_before,
            extract(epoch FROM time - month) / 86400 AS days_gone,
            extract(epoch FROM (month + interval '1 month') - month) / 86400 AS days
          FROM clock
        ), spent AS (
          SELECT sum(cost_eur) FILTER (WHERE m.month = part.month) AS cost,
            sum(cost_eur) FILTER (WHERE m.month = part.month_before) AS cost_before
          FROM usage_months m, part WHERE m.month >= part.month_before AND m.month <= part.month
          GROUP BY user_id
        ), projected AS (
          SELECT cost, CASE
            WHEN cost_before > 0 THEN cost + cost_before * (1 - days_gone / days)
            ELSE cost * greatest(1, days / greatest(days_gone, ${shortestPace}))
          END::float8 AS month_eur
          FROM spent, part WHERE cost > 0
        ), costs AS (
          SELECT jsonb_build_object(
              'avg', avg(month_eur), 'max', max(month_eur),
              'p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY month_eur),
              'p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY month_eur)
            ) AS per_user,
            jsonb_build_object(
              'target', count(*) FILTER (WHERE cost >= ${String(targetEur)}::numeric),
              'limit', count(*) FILTER (WHERE cost >= ${String(limitEur)}::numeric)
            ) AS over
          FROM projected
        ), today AS (
          SELECT coalesce(sum(cost_eur), 0)::float8 AS cost FROM usage
          WHERE created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
            AND created_at <= now() + interval '1 minute'
        ), future AS (
          SELECT count(*) AS rows FROM usage WHERE created_at > now() + interval '1 minute'
        ), seen AS (
          SELECT max(created_at) AS at FROM usage
          WHERE created_at > now() - interval '30 days' AND created_at <= now() + interval '1 minute'
          GROUP BY user_id
        ), active AS (
          SELECT jsonb_build_object(
            'day', count(*) FILTER (WHERE at > now() - interval '1 day'),
            'week', count(*) FILTER (WHERE at > now() - interval '7 days'),
            'month', count(*)
          ) AS users
          FROM seen
        )
        SELECT costs.per_user AS "costPerActiveUserEur", costs.over AS "usersOverCost",
          today.cost AS "costTodayEur", active.users AS "usersActive", future.rows::float8 AS "futureRows"
        FROM costs, today, active, future`.stream.pipe(
        Stream.runHead,
        Effect.flatMap(Effect.fromOption),
        Effect.flatMap(Schema.decodeUnknownEffect(Usage))
      )
  }
})
