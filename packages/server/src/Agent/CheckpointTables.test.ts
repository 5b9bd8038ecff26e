import { PgClient } from "@effect/sql-pg"
import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

/** Columns, keys and indexes of a schema's checkpoint tables, and the versions recorded in it. */
const shapeOf = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* PgClient.PgClient
  return {
    columns: yield* sql`SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default
      FROM information_schema.columns WHERE table_schema = ${schema} AND table_name LIKE 'checkpoint%'
      ORDER BY table_name, ordinal_position`,
    constraints: yield* sql`SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE connamespace = ${schema}::regnamespace AND conname LIKE 'checkpoint%' ORDER BY conname`,
    indexes: yield* sql`SELECT indexname, replace(indexdef, ${schema} || '.', '') AS definition FROM pg_indexes
      WHERE schemaname = ${schema} AND tablename LIKE 'checkpoint%' ORDER BY indexname`,
    versions: yield* sql`SELECT v FROM ${sql(schema)}.checkpoint_migrations ORDER BY v`
  }
})

layer(TestDatabase.layer)("the checkpoint tables", (it) => {
  it.effect("are those that PostgresSaver.setup() makes", () =>
    Effect.gen(function* () {
      const saver = yield* TestDatabase.postgresSaver({ schema: "theirs" })
      yield* Effect.promise(() => saver.setup())
      const theirs = yield* shapeOf("theirs")
      expect(theirs.columns).toHaveLength(22)
      expect(yield* shapeOf("public")).toEqual(theirs)
    })
  )

  it.effect("are left alone by PostgresSaver.setup()", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const theirs = yield* TestDatabase.Theirs
      // A row of the catalogue has the number of the transaction that wrote it last.
      const catalogue = sql`SELECT c.oid, c.relname, c.xmin::text FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace ORDER BY c.oid`
      const before = [yield* shapeOf("public"), yield* catalogue]
      yield* Effect.promise(() => theirs.setup())
      expect([yield* shapeOf("public"), yield* catalogue]).toEqual(before)
    })
  )
})
