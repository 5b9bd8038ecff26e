import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  // Which of its completion's calls of the model a row is, from 1; nothing of turns, whose lease is given back once. The
  // index is what makes of the same calls, written any number of times and at once, one.
  yield* sql`ALTER TABLE usage ADD COLUMN ordinal integer`
  yield* sql`CREATE UNIQUE INDEX usage_once ON usage (session_id, ordinal) WHERE ordinal IS NOT NULL`
})
