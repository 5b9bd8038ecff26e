/** Puts a backup into a database: all of it in one transaction, or nothing. */
import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import * as Database from "../Database.ts"
import { databaseVersion } from "./Backup.ts"
import * as Files from "./Files.ts"
import * as PgTools from "./PgTools.ts"

export class DatabaseNotEmpty extends Schema.TaggedError<DatabaseNotEmpty>()("DatabaseNotEmpty", {
  where: Schema.String
}) {
  override get message(): string {
    return `There is something in the database at ${this.where} already, and nothing was changed. To replace all of it by the backup: FORCE=1 make restore FILE=...`
  }
}

export class DatabaseInUse extends Schema.TaggedError<DatabaseInUse>()("DatabaseInUse", { where: Schema.String }) {
  override get message(): string {
    return `Servers are connected to the database at ${this.where}, and nothing was changed. Stop them first, or take the floor from under them: FORCE=1 make restore FILE=...`
  }
}

const found = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly is_empty: boolean; readonly is_used: boolean }>`
    SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS is_empty,
      EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley') AS is_used`
  return { version: yield* databaseVersion, isEmpty: row?.is_empty ?? false, isUsed: row?.is_used ?? true }
}).pipe(Effect.orDie)

const encoder = new TextEncoder()
const line = (statement: string) => Stream.make(encoder.encode(`${statement}\n`))

/**
 * Restores the file into the database of the settings. What is there is replaced only by `force`, or when `confirm` says
 * so, which is asked with the place.
 */
export const restore = Effect.fn("Backups.restore")(function* <E, R>(
  file: string,
  options: { readonly force: boolean; readonly confirm: (where: string) => Effect.Effect<boolean, E, R> }
) {
  yield* Files.verify(file)
  const address = yield* Database.directUrl
  const where = Database.place(address)
  const { isEmpty, isUsed, version } = yield* Effect.provide(found, Database.layerDirect(address, "parley-restore"))
  yield* PgTools.check(["pg_restore", "psql"], version)
  // What is no dump, or one of a newer PostgreSQL, is told before anything is asked.
  yield* PgTools.run("pg_restore", ["--list", file])
  if (isUsed && !options.force) return yield* new DatabaseInUse({ where })
  if (!isEmpty && !options.force && !(yield* options.confirm(where))) return yield* new DatabaseNotEmpty({ where })

  yield* Effect.logInfo(`Restoring ${file} into ${where}`)
  const script = yield* PgTools.spawn("pg_restore", ["--no-owner", "--no-privileges", "--file=-", file])
  const { args, env } = PgTools.connection(address)
  // Committed only when the script has come to its good end: who is told nothing more rolls back.
  const committed = Stream.fromEffect(script.ended).pipe(
    Stream.flatMap(() => line("COMMIT;")),
    Stream.catch(() => Stream.empty)
  )
  const stdin = line(`BEGIN;${isEmpty ? "" : "\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;"}`).pipe(
    Stream.concat(script.stdout),
    Stream.concat(committed)
  )
  yield* PgTools.run("psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null", ...args], {
    env,
    stdin
  })
  yield* script.ended
  return where
}, Effect.scoped)
