/** Numbered files in `migrations/`, applied once each, in order, in one transaction, by one server at a time. */
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import * as MigratorFileSystem from "effect/sql/MigratorFileSystem"
import { fileURLToPath } from "node:url"

export const directory = fileURLToPath(new URL("./migrations", import.meta.url))

const table = "schema_migrations"
const loader = Effect.provide(MigratorFileSystem.fromFileSystem(directory), NodeServices.layer)

/** Brings the schema up to date; gives what was applied. Waits for another server that is at it. */
export const migrate = Effect.gen(function* () {
  const applied = yield* Migrator.make({})({ loader, table })
  for (const [id, name] of applied) yield* Effect.logInfo(`Applied migration ${id} ${name}`)
  return applied
})

/** Whether the newest migration known here has been applied: a server with older tables must get no traffic. */
export const isCurrent = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const known = yield* loader
  const newest = known.reduce((highest, [id]) => Math.max(highest, id), 0)
  const rows = yield* sql<{ readonly found: number }>`SELECT 1 AS found FROM ${sql(table)} WHERE migration_id = ${newest}`
  return rows.length === 1
})
