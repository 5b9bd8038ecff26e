import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // What a user's month has cost so far, so that a turn need not add up the calls of the month to know whether it may
  // begin. `month` is its first day, in UTC. Whoever writes `usage` adds to it in the same statement.
  yield* sql`CREATE TABLE usage_months (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    month date NOT NULL,
    cost_eur numeric(14, 8) NOT NULL,
    PRIMARY KEY (user_id, month)
  )`
  yield* sql`INSERT INTO usage_months (user_id, month, cost_eur)
    SELECT user_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date, sum(cost_eur)
    FROM usage GROUP BY 1, 2 HAVING sum(cost_eur) > 0`
})
