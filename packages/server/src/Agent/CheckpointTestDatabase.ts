/** What the tests of the checkpoints stand on: a database of their own, and LangGraph's own saver beside ours. */
import { type Checkpoint, uuid6 } from "@langchain/langgraph-checkpoint"
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Ref } from "effect"
import { SqlClient, Statement } from "effect/sql"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"

/** LangGraph's saver, on the same database. */
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

export const layer = Layer.mergeAll(CheckpointRepo.layer, Theirs.layer).pipe(
  // `PgClient` itself: LangGraph's saver wants to know the address.
  Layer.provideMerge(
    PgClient.layerFrom(Effect.flatMap(TestDatabase.make, ({ url }) => PgClient.make({ url, multiplex: true })))
  ),
  Layer.orDie
)

export const metadata = { source: "loop", step: 3, parents: { "": "above" }, extra: { tags: ["a", "b"] } } as const

export const checkpointWith = (values: Record<string, unknown>, versions: Record<string, number>): Checkpoint => ({
  v: 4,
  id: uuid6(0),
  ts: "2026-01-31T12:00:00.000Z",
  channel_values: values,
  channel_versions: versions,
  versions_seen: { agent: { messages: 2 }, __input__: {} }
})

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

/** One line for each row of a thread. */
export const contents = Effect.fnUntraced(function* (threadId: string) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ readonly line: string }>`
    SELECT checkpoint_ns || ' ' || checkpoint_id AS line FROM checkpoints WHERE thread_id = ${threadId}
    UNION ALL
    SELECT checkpoint_ns || ' ' || channel || '@' || version FROM checkpoint_blobs WHERE thread_id = ${threadId}
    UNION ALL
    SELECT checkpoint_ns || ' ' || checkpoint_id || ' ' || task_id || ' ' || idx FROM checkpoint_writes
    WHERE thread_id = ${threadId}`
  return new Set(rows.map(({ line }) => line))
})
