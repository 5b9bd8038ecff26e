/** Numbered files in `migrations/`, applied once each, in order, in one transaction, by one server at a time. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import * as MigratorFileSystem from "effect/sql/MigratorFileSystem"
import { fileURLToPath } from "node:url"
import { reasonsOf } from "./reasons.ts"

export const directory = fileURLToPath(new URL("./migrations", import.meta.url))

const table = "schema_migrations"
const loaderOf = (directory: string) => Effect.provide(MigratorFileSystem.fromFileSystem(directory), NodeServices.layer)

export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The schema was left as it was, because it could not be brought up to date: ${this.reason}`
  }
}

/** Brings the schema up to date; gives what was applied. Waits for another server that is at it. */
export const migrateFrom = Effect.fn("Migrations.migrate")(function* (directory: string) {
  const applied = yield* Effect.mapError(
    Migrator.make({})({ loader: loaderOf(directory), table }),
    (error) => new MigrationFailed({ reason: reasonsOf(error).join(": ") })
  )
  for (const [id, name] of applied) yield* Effect.logInfo(`Applied migration ${id} ${name}`)
  return applied
})

export const migrate = migrateFrom(directory)

/** Whether the newest migration known here has been applied: a server with older tables must get no traffic. */
export const isCurrent = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const known = yield* loaderOf(directory)
  const newest = known.reduce((highest, [id]) => Math.max(highest, id), 0)
  const rows = yield* sql<{
    readonly found: number
  }>`SELECT 1 AS found FROM ${sql(table)} WHERE migration_id = ${newest}`
  return rows.length === 1
})
