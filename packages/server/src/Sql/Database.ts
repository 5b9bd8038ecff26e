/** The one pool of the server: real PostgreSQL, named by POSTGRES_URL, or the embedded one in development. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Option, Redacted, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import * as BoundedClient from "./BoundedClient.ts"
import * as EmbeddedPostgres from "./Embedded/EmbeddedPostgres.ts"
import { migrate } from "./Migrations.ts"
import { reasonsOf } from "./reasons.ts"
import { settings } from "./settings.ts"

export class DatabaseUnreachable extends Schema.TaggedError<DatabaseUnreachable>()("DatabaseUnreachable", {
  where: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `Cannot use PostgreSQL at ${this.where}: ${this.reason}. Is it running, and is POSTGRES_URL right?`
  }
}

/** Host, port and database without the password, for logs and error messages. */
export const place = (url: Redacted.Redacted): string => {
  const parsed = URL.parse(Redacted.value(url))
  return parsed === null ? "an address that cannot be read" : `${parsed.host}${parsed.pathname}`
}

/** The address in POSTGRES_URL; without one, in development and tests, that of the embedded server, started if need be. */
export const url = Effect.gen(function* () {
  const configured = yield* settings.url.config
  if (Option.isSome(configured)) return configured.value
  const dataDir = yield* settings.dataDir.config
  const embedded = yield* EmbeddedPostgres.acquire({ dataDir: `${dataDir}/postgres` })
  yield* Effect.logInfo(`PostgreSQL ${embedded.started ? "started" : "found running"}, data in ${embedded.dataDir}`)
  return embedded.url
})

/** How long a request waits for a connection and the answer to a statement. Then the database is not there for it. */
const answerTimeout = "5 seconds"

/**
 * Statements share connections: one that waits for a lock keeps others waiting, and one that gets it late does what nobody
 * waits for any more. One that runs away, or a transaction that nobody ends, must not hold locks and connections for ever.
 */
const limits = {
  lock_timeout: "2000",
  statement_timeout: "30000",
  idle_in_transaction_session_timeout: "30000"
}

const common = (address: Redacted.Redacted) =>
  Effect.map(settings.prepare.config, (prepare) => ({
    url: address,
    applicationName: "parley",
    prepare,
    // Small statements of several requests share a connection; transactions still have one to themselves.
    multiplex: prepare,
    connectTimeout: "5 seconds" as const
  }))

const reached = (address: Redacted.Redacted) => (sql: SqlClient.SqlClient) =>
  Effect.mapError(
    sql`SELECT 1`,
    (error) => new DatabaseUnreachable({ where: place(address), reason: reasonsOf(error).join(": ") })
  )

/** The address past the pooler, if there is one. */
const directOf = (address: Redacted.Redacted) =>
  Effect.map(settings.directUrl.config, (direct) => Option.getOrElse(direct, () => address))
export const directUrl = Effect.flatMap(url, directOf)

/** One connection, without limits: what is done with it may take long, and so may waiting for another's locks. */
export const layerDirect = (direct: Redacted.Redacted, applicationName = "parley") =>
  PgClient.layerFrom(
    Effect.flatMap(common(direct), (shared) =>
      Effect.tap(PgClient.make({ ...shared, applicationName, maxConnections: 1 }), reached(direct))
    )
  )

/** Brings the schema up to date, past the pooler if there is one; gives the address of the database. */
export const migrated = Effect.gen(function* () {
  const address = yield* url
  yield* Effect.provide(migrate, layerDirect(yield* directOf(address)))
  return address
})

/** The pool on a current schema: migrations run first, one server at a time, the others wait. */
export const layer = BoundedClient.layerFrom(
  Effect.gen(function* () {
    const address = yield* migrated
    const shared = yield* common(address)
    const client = BoundedClient.make({
      ...shared,
      maxConnections: yield* settings.poolSize.config,
      answerTimeout,
      // A pooler in transaction mode refuses start-up parameters it does not know.
      ...(shared.prepare ? { startupParameters: limits } : {})
    })
    return yield* Effect.tap(client, reached(address))
  })
)
