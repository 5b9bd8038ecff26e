import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // What is counted for metrics: one row, which the server locks that counts, and all read.
  yield* sql`CREATE TABLE business_metrics (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    numbers jsonb,
    counted_at timestamptz
  )`
  yield* sql`INSERT INTO business_metrics DEFAULT VALUES`
  // Rows are added in the order of their time and stay: so small an index finds the newest, and costs a turn nothing.
  yield* sql`CREATE INDEX usage_by_time ON usage USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on)`
  yield* sql`CREATE INDEX usage_months_by_month ON usage_months USING brin (month) WITH (pages_per_range = 32, autosummarize = on)`
})
