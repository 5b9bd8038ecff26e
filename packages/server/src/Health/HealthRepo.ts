import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { isCurrent } from "../Sql/Migrations.ts"

export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return { isCurrent: Effect.provideService(isCurrent, SqlClient.SqlClient, sql), ping: sql`SELECT 1` }
})
