/** The server's database, to read from alone: PostgreSQL itself refuses anything else. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Fiber, Option, Predicate, Redacted, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { reasonOf, shortened } from "../Asked.ts"
import { settings } from "../settings.ts"
import * as Development from "./Development.ts"

export class NoDatabase extends Schema.TaggedError<NoDatabase>()("NoDatabase", { isDevelopment: Schema.Boolean }) {
  override get message() {
    return this.isDevelopment
      ? "POSTGRES_URL is not set, and make dev, whose database would be read without it, does not run here"
      : "POSTGRES_URL is not set, so nothing is read from the database"
  }
}

export class DatabaseFailed extends Schema.TaggedError<DatabaseFailed>()("DatabaseFailed", {
  /** Host, port and database. */
  where: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `The database at ${this.where} ${this.reason}`
  }
}

/** How long all that is read at once may take. A statement has 30 seconds, by PostgreSQL's own clock. */
export const DatabaseWithin = Context.Reference<Duration.Input>("@parley/monitoring/DatabaseWithin", {
  defaultValue: () => "2 minutes"
})

const place = (url: Redacted.Redacted) => {
  const { host, pathname } = new URL(Redacted.value(url))
  return `${host}${pathname}`
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: undefined_table, undefined_column. */
const otherSchema: Readonly<Record<string, string>> = {
  "42P01": "has no tables of Parley, or not all of them: run make migrate, unless POSTGRES_URL names another database",
  "42703": "has the tables of another version of Parley: run make migrate"
}

const codeOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "code") && Predicate.isString(error.code)) return error.code
  return Predicate.hasProperty(error, "cause") ? codeOf(error.cause) : ""
}

const said = (error: SqlError.SqlError) => {
  const schema = otherSchema[codeOf(error.reason)]
  if (schema !== undefined) return schema
  const reason = shortened(reasonOf(error))
  return error.reason._tag === "ConnectionError" ? `cannot be reached: ${reason}` : `says: ${reason}`
}

const inWords = (duration: Duration.Input) =>
  Duration.format(Duration.fromInputUnsafe(duration)).replace(/^(\d+)m$/u, "$1 minutes")

/**
 * Goes on when the time is over, and does not wait for the end of what is late: the driver, which has no limit for an answer,
 * would wait for a server that stands still to take its leave.
 */
const inTime = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>, where: string) {
  const duration = yield* DatabaseWithin
  const fiber = yield* Effect.forkDetach(work)
  return yield* Fiber.join(fiber).pipe(
    Effect.timeoutOrElse({
      duration,
      orElse: () => Effect.fail(new DatabaseFailed({ where, reason: `does not answer within ${inWords(duration)}` }))
    }),
    Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
  )
})

/** That of POSTGRES_URL; without one, in development, that of `make dev`. */
const address = Effect.gen(function* () {
  const { postgresUrl } = yield* settings
  const url = Option.isSome(postgresUrl) ? postgresUrl : yield* Development.url
  if (Option.isSome(url)) return url.value
  return yield* new NoDatabase({ isDevelopment: yield* Development.isDevelopment })
})

/** Lends a connection. Statements stand in `*Repo.ts` files. */
export const read = Effect.fn("Database.read")(function* <A>(
  use: (sql: PgClient.PgClient) => Effect.Effect<A, SqlError.SqlError>
) {
  const url = yield* address
  const where = place(url)
  const layer = PgClient.layer({
    url,
    applicationName: "parley-monitoring",
    connectTimeout: "5 seconds",
    maxConnections: 1,
    startupParameters: { default_transaction_read_only: "on", statement_timeout: "30s" }
  })
  const work = Effect.flatMap(PgClient.PgClient, use).pipe(
    Effect.provide(layer),
    Effect.catchTag("SqlError", (error) => Effect.fail(new DatabaseFailed({ where, reason: said(error) })))
  )
  return yield* inTime(work, where)
})
