import { PgClient } from "@effect/sql-pg"
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as TestLog from "../../test/TestLog.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import * as Database from "./Database.ts"
import { directory, isCurrent, MigrationFailed, migrate, migrateFrom } from "./Migrations.ts"

const on = (url: Redacted.Redacted) => PgClient.layer({ url, maxConnections: 2 })

/** A folder of migrations with these statements in them. */
const folderOf = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  for (const [name, statement] of Object.entries(files))
    yield* fs.writeFileString(
      `${folder}/${name}.ts`,
      `import { Effect } from "${import.meta.resolve("effect")}"
import { SqlClient } from "${import.meta.resolve("effect/sql")}"
export default Effect.flatMap(SqlClient.SqlClient, (sql) => sql\`${statement}\`)`
    )
  return folder
})

const tables = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ tablename: string }>`
    SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`
  return rows.map(({ tablename }) => tablename)
})

const applied = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ name: string }>`SELECT name FROM schema_migrations ORDER BY migration_id`
  return rows.map(({ name }) => name)
})

layer(Layer.merge(NodeServices.layer, TestLog.layer), { excludeTestServices: true })("migrations", (it) => {
  it.effect("are applied once, however many servers start on an empty database at once", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const server = Effect.provide(migrate, Layer.fresh(on(url)))
      const outcomes = yield* Effect.all([server, server, server, server, server], { concurrency: "unbounded" })
      const files = (yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(directory))).length
      assert.deepStrictEqual(outcomes.map(({ length }) => length).toSorted(), [0, 0, 0, 0, files])
      assert.lengthOf(yield* Effect.provide(applied, on(url)), files)
      assert.isTrue(yield* Effect.provide(isCurrent, on(url)))
    })
  )

  it.effect("are done when a pool is handed out, also to servers that start at once", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const Pool = Layer.fresh(Database.layer).pipe(
        Layer.provide([
          ConfigProvider.layer(ConfigProvider.fromUnknown({ POSTGRES_URL: Redacted.value(url) })),
          Metrics.layer
        ])
      )
      const users = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const [limit] = yield* sql<{ statement_timeout: string }>`SHOW statement_timeout`
        assert.strictEqual(limit?.statement_timeout, "30s")
        return yield* sql`SELECT * FROM users`
      }).pipe(Effect.provide(Pool))
      const found = yield* Effect.all([users, users, users], { concurrency: "unbounded" })
      assert.deepStrictEqual(found, [[], [], []])
    })
  )

  it.effect("that fail leave nothing behind, and a clean second run works", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const broken = yield* folderOf({
        "0001_apples": "CREATE TABLE apples (id int)",
        "0002_pears": "CREATE TABLE apples (id int)"
      })
      const error = yield* Effect.flip(Effect.provide(migrateFrom(broken), on(url)))
      assert.instanceOf(error, MigrationFailed)
      assert.include(error.message, 'Migration "2_pears" failed: relation "apples" already exists')
      assert.deepStrictEqual(yield* Effect.provide(tables, on(url)), ["schema_migrations"])
      assert.deepStrictEqual(yield* Effect.provide(applied, on(url)), [])

      const mended = yield* folderOf({
        "0001_apples": "CREATE TABLE apples (id int)",
        "0002_pears": "CREATE TABLE pears (id int)"
      })
      yield* Effect.provide(migrateFrom(mended), on(url))
      assert.deepStrictEqual(yield* Effect.provide(tables, on(url)), ["apples", "pears", "schema_migrations"])
      assert.deepStrictEqual(yield* Effect.provide(applied, on(url)), ["apples", "pears"])
    })
  )

  it.effect("are applied after those that were there", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const first = { "0001_apples": "CREATE TABLE apples (id int)" }
      yield* Effect.provide(migrateFrom(yield* folderOf(first)), on(url))
      assert.isFalse(yield* Effect.provide(isCurrent, on(url)))
      const both = yield* folderOf({ ...first, "0002_pears": "CREATE TABLE pears (id int)" })
      assert.deepStrictEqual(yield* Effect.provide(migrateFrom(both), on(url)), [[2, "pears"]])
      assert.deepStrictEqual(yield* Effect.provide(migrateFrom(both), on(url)), [])
    })
  )

  it.effect("of which two have one number are refused", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.makeEmpty
      const folder = yield* folderOf({
        "0001_apples": "CREATE TABLE apples (id int)",
        "0001_pears": "CREATE TABLE pears (id int)"
      })
      const error = yield* Effect.flip(Effect.provide(migrateFrom(folder), on(url)))
      assert.include(error.message, "duplicate")
    })
  )

  it.effect("let everything of a user go with the user", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase.make
      const orphans = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const rows = yield* sql<{ tablename: string; parent: string | null; rule: string | null }>`
          SELECT c.relname AS tablename, p.relname AS parent, k.confdeltype::text AS rule
          FROM pg_class c
          LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
          LEFT JOIN pg_class p ON p.oid = k.confrelid
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'`
        return rows.filter(({ rule }) => rule !== "c").map(({ tablename }) => tablename)
      })
      // LangGraph's tables know no sessions: a trigger cleans up there. See the tests of sessions.
      const roots = ["checkpoint_blobs", "checkpoint_migrations", "checkpoint_writes", "checkpoints"]
      // Payments, subscriptions and business metrics are linked to no user.
      const nobodys = ["business_metrics", "payment_totals", "payments", "subscriptions", "webhook_events"]
      assert.sameMembers(yield* Effect.provide(orphans, on(url)), [...roots, ...nobodys, "schema_migrations", "users"])
    })
  )
})
