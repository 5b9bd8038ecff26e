/** What the tests of the checkpoints stand on. */
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres"
import { PgClient } from "@effect/sql-pg"
import { Config, Context, Effect, Layer, Redacted, Ref } from "effect"
import { SqlClient, Statement } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { create } from "./CheckpointTables.ts"

/** A client of a database of its own that has LangGraph's tables, and is dropped afterwards. */
const database = PgClient.layerFrom(
  Effect.gen(function* () {
    const url = Redacted.value(yield* Config.Redacted("PARLEY_TEST_POSTGRES_URL"))
    const name = `checkpoints_${randomUUID().replaceAll("-", "")}`
    const server = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 1 })
    yield* Effect.acquireRelease(server`CREATE DATABASE ${server(name)}`, () =>
      Effect.orDie(server`DROP DATABASE ${server(name)} WITH (FORCE)`)
    )
    const own = new URL(url)
    own.pathname = name
    const client = yield* PgClient.make({ url: Redacted.make(own.href), maxConnections: 8 })
    yield* Effect.provideService(create, SqlClient.SqlClient, client)
    return client
  })
)

/** LangGraph's own saver, on the same database. */
export const postgresSaver = Effect.fnUntraced(function* (options?: { readonly schema: string }) {
  const sql = yield* PgClient.PgClient
  const url = new URL(sql.config.url === undefined ? "" : Redacted.value(sql.config.url))
  url.searchParams.set("application_name", "langgraph")
  const connected = sql`SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'langgraph'`
  return yield* Effect.acquireRelease(
    Effect.sync(() => PostgresSaver.fromConnString(url.href, options)),
    // Its pool says that it has ended before it has, and is beside itself when the database is dropped meanwhile.
    (saver) =>
      Effect.promise(() => saver.end()).pipe(
        Effect.andThen(Effect.repeat(connected, { until: (rows) => rows.length === 0 })),
        Effect.orDie
      )
  )
})

export class Theirs extends Context.Service<Theirs, PostgresSaver>()("@parley/server/test/PostgresSaver") {
  static readonly layer = Layer.effect(Theirs, postgresSaver())
}

export const layer = Layer.mergeAll(CheckpointRepo.layer, Theirs.layer).pipe(Layer.provideMerge(database), Layer.orDie)

/** How many statements an effect sends, beside BEGIN and COMMIT. */
export const countStatements = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const count = yield* Ref.make(0)
    const result = yield* Effect.provideService(effect, Statement.CurrentTransformer, (statement) =>
      Effect.as(
        Ref.update(count, (n) => n + 1),
        statement
      )
    )
    return { result, statements: yield* Ref.get(count) }
  })

/** All rows of the four tables, for comparison. */
export const dump = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  return {
    migrations: yield* sql`SELECT * FROM checkpoint_migrations ORDER BY v`,
    checkpoints: yield* sql`SELECT * FROM checkpoints ORDER BY thread_id, checkpoint_ns, checkpoint_id`,
    blobs: yield* sql`SELECT * FROM checkpoint_blobs ORDER BY thread_id, checkpoint_ns, channel, version`,
    writes: yield* sql`SELECT * FROM checkpoint_writes ORDER BY thread_id, checkpoint_ns, checkpoint_id, task_id, idx`
  }
})
