/** The server's database, to read from alone: PostgreSQL itself refuses anything else. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { reasonOf, shortened } from "../Asked.ts"
import { settings } from "../settings.ts"

/** POSTGRES_URL is not set: `make dev` has a database of its own that nobody else knows. */
export class NoDatabase extends Schema.TaggedError<NoDatabase>()("NoDatabase", {}) {
  override get message() {
    return "POSTGRES_URL is not set, so nothing is read from the database (the one of make dev is its own)"
  }
}

export class DatabaseFailed extends Schema.TaggedError<DatabaseFailed>()("DatabaseFailed", {
  reason: Schema.String
}) {
  override get message() {
    return `The database does not answer: ${this.reason}`
  }
}

const failed = (error: SqlError.SqlError) => new DatabaseFailed({ reason: shortened(reasonOf(error)) })

/** Lends a connection. Statements stand in `*Repo.ts` files. */
export const read = Effect.fn("Database.read")(function* <A>(
  use: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError.SqlError>
) {
  const { postgresUrl } = yield* settings
  if (Option.isNone(postgresUrl)) return yield* new NoDatabase({})
  const layer = PgClient.layer({
    url: postgresUrl.value,
    applicationName: "parley-monitoring",
    connectTimeout: "5 seconds",
    maxConnections: 1,
    startupParameters: { default_transaction_read_only: "on", statement_timeout: "30s" }
  })
  return yield* Effect.flatMap(PgClient.PgClient, use).pipe(
    Effect.provide(layer),
    Effect.catchTag("SqlError", (error) => Effect.fail(failed(error)))
  )
})
