/** What a database is asked and has to write, told by PostgreSQL itself. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, FileSystem, Layer, Redacted, Schema, Stream } from "effect"
import { SqlSchema } from "effect/sql"
import { Postgres } from "./Postgres.ts"

export interface Reading {
  /** That were executed, BEGIN and COMMIT too. */
  readonly statements: number
  /**
   * Of the write-ahead log, without the images of whole pages: how many of those there are depends on how long ago the
   * last checkpoint was, not on who writes.
   */
  readonly bytes: number
}

/** An entry begins with its time; the other lines of its statement are indented. */
const entries = (log: string) => log.split(/\n(?!\t)/u)

/** A statement sent as text, or the execution of one that was prepared. */
const isStatement = (entry: string) => /^\S+ \S+ \S+ \[\d+\] LOG: {2}(?:statement|execute \S+): /u.test(entry)

/**
 * To be made before the clients of `database` connect: its statements are logged from then on, and counted there.
 * `pg_stat_statements` does not count a BEGIN or COMMIT that was prepared. Statements with `except` in them are left out.
 */
export const make = Effect.fnUntraced(function* (database: string, except: string) {
  const { log, observatory } = yield* Postgres
  const fs = yield* FileSystem.FileSystem
  const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(observatory), maxConnections: 1 }))
  const sql = Context.get(client, PgClient.PgClient)
  const name = sql(new URL(database).pathname.slice(1))
  yield* sql`ALTER DATABASE ${name} SET log_statement = 'all'`
  yield* sql`ALTER DATABASE ${name} SET log_parameter_max_length = 0`
  yield* sql`CREATE EXTENSION IF NOT EXISTS pg_walinspect`

  const position = SqlSchema.findOne({
    Request: Schema.Void,
    Result: Schema.Struct({ flushed: Schema.String }),
    execute: () => sql`SELECT pg_current_wal_flush_lsn()::text AS flushed`
  })
  const written = SqlSchema.findOne({
    Request: Schema.Struct({ from: Schema.String, to: Schema.String }),
    Result: Schema.Struct({ bytes: Schema.Int }),
    execute: ({ from, to }) => sql`
      SELECT coalesce(sum(record_size), 0)::integer AS bytes FROM pg_get_wal_stats(${from}::pg_lsn, ${to}::pg_lsn)`
  })
  const read = Effect.gen(function* () {
    const { flushed } = yield* position()
    const { size } = yield* fs.stat(log)
    return { flushed, size }
  })

  /** Gives what `effect` gives, and what it took. Nobody else may use the server meanwhile. */
  return Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const before = yield* Effect.orDie(read)
    const value = yield* effect
    const reading: Effect.Effect<Reading, unknown> = Effect.gen(function* () {
      const logged = yield* Stream.mkString(Stream.decodeText(fs.stream(log, { offset: before.size })))
      const statements = entries(logged).filter((entry) => isStatement(entry) && !entry.includes(except)).length
      // Zero would be within any bar, also when the log does not look as it does today.
      if (statements === 0) return yield* Effect.die(new Error(`No statement in what was logged: ${logged}`))
      const { bytes } = yield* written({ from: before.flushed, to: (yield* read).flushed })
      return { statements, bytes }
    })
    return { value, reading: yield* Effect.orDie(reading) }
  })
}, Effect.orDie)
