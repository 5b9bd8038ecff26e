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
