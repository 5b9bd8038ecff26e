/** What the table `usage` tells of a time. PostgreSQL adds up; what comes back is as short as a report. */
import { Effect, Schema } from "effect"
import { type SqlClient, type SqlError, SqlSchema } from "effect/sql"

/** From the first moment until before the last, as RFC 3339. */
export interface Window {
  readonly start: string
  readonly end: string
}

/** `unanswered` are calls of turns that left no answer: they failed, were cancelled, or lost their session. */
const Calls = Schema.Struct({
  model: Schema.String,
  unanswered: Schema.Boolean,
  calls: Schema.Finite,
  inputTokens: Schema.Finite,
  outputTokens: Schema.Finite,
  costEur: Schema.Finite
})
export type Calls = typeof Calls.Type

/** Of a model's answered turns: `longTurns` were shown far more than the median, by `excessTokens` altogether. */
const Contexts = Schema.Struct({
  model: Schema.String,
  turns: Schema.Finite,
  medianTokens: Schema.Finite,
  longTurns: Schema.Finite,
  excessTokens: Schema.Finite
})
export type Contexts = typeof Contexts.Type

/** Turns that were paid for and left no answer, and those of them that came in storms. */
const Failed = Schema.Struct({
  turns: Schema.Finite,
  costEur: Schema.Finite,
  stormSessions: Schema.Finite,
  stormTurns: Schema.Finite,
  stormEur: Schema.Finite
})
export type Failed = typeof Failed.Type

/**
 * One of the most expensive users, with what a month will cost. The rest is of all users: how many, how many of them are
 * over the target but below the limit, and over the limit, and what of that is above the target.
 */
const Person = Schema.Struct({
  pseudonym: Schema.String,
  calls: Schema.Finite,
  costEur: Schema.Finite,
  monthEur: Schema.Finite,
  people: Schema.Finite,
  overTarget: Schema.Finite,
  excessTargetEur: Schema.Finite,
  overLimit: Schema.Finite,
  excessLimitEur: Schema.Finite
})
export type Person = typeof Person.Type

/** Long is what has so many times the tokens of the median, and so many at least. */
export const long = { times: 4, tokens: 4000 } as const
/** So many failed turns of one session within one hour are a storm: no person asks that often in vain. */
export const stormTurns = 10
export const mostShown = 10

/** What stands for a user: the id cannot be found from it alone; who has the database finds the account with `lookup`. */
const pseudonym = (id: string) => `left(encode(sha256(${id}::text::bytea), 'hex'), 12)`
export const lookup = (shown: string) => `SELECT id, email FROM users WHERE ${pseudonym("id")} = '${shown}';`

export interface Users {
  /** What a month costs, of what the window did. */
  readonly monthFactor: number
  readonly targetEur: number
  readonly limitEur: number
}

export const read = Effect.fnUntraced(
  function* (sql: SqlClient.SqlClient, { end, start }: Window, users: Users) {
    const inWindow = sql`created_at >= ${start}::timestamptz AND created_at < ${end}::timestamptz`
    const all = <Row extends Schema.Constraint>(
      Result: Row,
      execute: Effect.Effect<ReadonlyArray<unknown>, SqlError.SqlError>
    ) => SqlSchema.findAll({ Request: Schema.Void, Result, execute: () => execute })(undefined)

    const calls = yield* all(
      Calls,
      sql`
      SELECT model, message_id IS NULL AS unanswered, count(*)::float8 AS calls,
        sum(input_tokens)::float8 AS "inputTokens", sum(output_tokens)::float8 AS "outputTokens",
        sum(cost_eur)::float8 AS "costEur"
      FROM usage WHERE ${inWindow}
      GROUP BY 1, 2 ORDER BY 6 DESC, 1, 2`
    )

    const contexts = yield* all(
      Contexts,
      sql`
      WITH turns AS MATERIALIZED (
        SELECT model, sum(input_tokens)::float8 AS tokens FROM usage
        WHERE ${inWindow} AND message_id IS NOT NULL
        GROUP BY message_id, model
      ), medians AS (
        SELECT model, percentile_disc(0.5) WITHIN GROUP (ORDER BY tokens) AS median FROM turns GROUP BY model
      ), judged AS (
        SELECT *, tokens >= greatest(median * ${long.times}::float8, ${long.tokens}::float8) AS is_long
        FROM turns JOIN medians USING (model)
      )
      SELECT model, count(*)::float8 AS turns, min(median) AS "medianTokens",
        count(*) FILTER (WHERE is_long)::float8 AS "longTurns",
        coalesce(sum(tokens - median) FILTER (WHERE is_long), 0) AS "excessTokens"
      FROM judged GROUP BY model ORDER BY model`
    )

    // What a turn that failed has cost is written by one statement, and so at one moment.
    const [failed] = yield* all(
      Failed,
      sql`
      WITH turns AS (
        SELECT session_id, created_at, sum(cost_eur) AS cost FROM usage
        WHERE ${inWindow} AND message_id IS NULL
        GROUP BY session_id, user_id, created_at
      ), hours AS (
        SELECT session_id, count(*) AS turns, sum(cost) AS cost,
          count(*) >= ${stormTurns}::integer AND session_id IS NOT NULL AS is_storm
        FROM turns GROUP BY session_id, date_trunc('hour', created_at)
      )
      SELECT coalesce(sum(turns), 0)::float8 AS turns, coalesce(sum(cost), 0)::float8 AS "costEur",
        count(DISTINCT session_id) FILTER (WHERE is_storm)::float8 AS "stormSessions",
        coalesce(sum(turns) FILTER (WHERE is_storm), 0)::float8 AS "stormTurns",
        coalesce(sum(cost) FILTER (WHERE is_storm), 0)::float8 AS "stormEur"
      FROM hours`
    )

    const people = yield* all(
      Person,
      sql`
      WITH people AS (
        SELECT user_id, count(*)::float8 AS calls, sum(cost_eur)::float8 AS cost,
          sum(cost_eur)::float8 * ${users.monthFactor}::float8 AS month
        FROM usage WHERE ${inWindow}
        GROUP BY user_id
      ), judged AS (
        SELECT *, month - ${users.targetEur}::float8 AS excess,
          month >= ${users.targetEur}::float8 AND month < ${users.limitEur}::float8 AS is_over_target,
          month >= ${users.limitEur}::float8 AS is_over_limit
        FROM people
      )
      SELECT ${sql.literal(pseudonym("user_id"))} AS pseudonym, calls, cost AS "costEur", month AS "monthEur",
        count(*) OVER ()::float8 AS people,
        count(*) FILTER (WHERE is_over_target) OVER ()::float8 AS "overTarget",
        coalesce(sum(excess) FILTER (WHERE is_over_target) OVER (), 0) AS "excessTargetEur",
        count(*) FILTER (WHERE is_over_limit) OVER ()::float8 AS "overLimit",
        coalesce(sum(excess) FILTER (WHERE is_over_limit) OVER (), 0) AS "excessLimitEur"
      FROM judged ORDER BY cost DESC, user_id LIMIT ${mostShown}::integer`
    )
    return { calls, contexts, failed: failed ?? nothingFailed, people }
  },
  Effect.catchTag("SchemaError", Effect.die)
)
export type Usage = Effect.Success<ReturnType<typeof read>>

const nothingFailed: Failed = { turns: 0, costEur: 0, stormSessions: 0, stormTurns: 0, stormEur: 0 }
