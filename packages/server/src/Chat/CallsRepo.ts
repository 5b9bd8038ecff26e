import { Schema } from "effect"
import type { SqlClient } from "effect/sql"

/** A call of the model that is to be paid for. */
export const Call = Schema.Struct({
  model: Schema.String,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  isEstimated: Schema.Boolean,
  costEur: Schema.Finite
})
export type Call = typeof Call.Type

/** As a table `c`, in the order of the columns of `usage`. */
export const rows = (sql: SqlClient.SqlClient) => (calls: ReadonlyArray<Call>) =>
  sql`unnest(
    ${calls.map((call) => call.model)}::text[], ${calls.map((call) => call.inputTokens)}::integer[],
    ${calls.map((call) => call.outputTokens)}::integer[], ${calls.map((call) => String(call.costEur))}::numeric[],
    ${calls.map((call) => call.isEstimated)}::boolean[]
  ) AS c (model, input_tokens, output_tokens, cost_eur, estimated)`

/** Adds what was `spent`, a table of that name, to the user's month. What costs nothing needs no row. */
export const addUp = (sql: SqlClient.SqlClient) => sql`
  INSERT INTO usage_months AS m (user_id, month, cost_eur)
  SELECT user_id, date_trunc('month', now() AT TIME ZONE 'UTC')::date, sum(cost_eur) FROM spent
  GROUP BY user_id HAVING sum(cost_eur) > 0
  ON CONFLICT (user_id, month) DO UPDATE SET cost_eur = m.cost_eur + EXCLUDED.cost_eur`

/** What is left of a month, as `budget` tells it. */
export const Budget = Schema.Struct({
  over_budget: Schema.Boolean,
  resets_at: Schema.DateTimeUtcFromDate,
  resets_in: Schema.Int
})

/** As a table `budget`: whether the user's month has cost its limit, and when the next begins. */
export const budget = (sql: SqlClient.SqlClient) => (userId: string, monthlyLimitEur: number) =>
  sql`
  month AS (
    SELECT begins, (begins + interval '1 month') AT TIME ZONE 'UTC' AS resets_at
    FROM date_trunc('month', now() AT TIME ZONE 'UTC') AS begins
  ), budget AS (
    SELECT coalesce(spent.cost_eur, 0) >= ${String(monthlyLimitEur)}::numeric AS over_budget, month.resets_at
    FROM month LEFT JOIN usage_months spent ON spent.user_id = ${userId} AND spent.month = month.begins::date
  )`

/** Seconds until the next month. */
export const resetsIn = (sql: SqlClient.SqlClient) => sql`ceil(extract(epoch FROM budget.resets_at - now()))::integer`
