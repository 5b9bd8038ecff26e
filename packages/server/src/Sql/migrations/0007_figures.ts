import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Reports look at the payments of some days. These come nearly in the order of their time: of a million, a week is found
  // in a tenth of the time, with an index of 32 kB.
  yield* sql`CREATE INDEX payments_by_time ON payments USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on)`
  // To PostgreSQL NaN is a numeric, and one makes every sum that it is in NaN. Old rows are not looked through for it.
  yield* sql`ALTER TABLE usage ADD CONSTRAINT usage_cost_is_a_number CHECK (cost_eur <> 'NaN') NOT VALID`
  yield* sql`ALTER TABLE usage_months ADD CONSTRAINT usage_months_cost_is_a_number CHECK (cost_eur <> 'NaN') NOT VALID`
})
