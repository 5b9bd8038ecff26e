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
