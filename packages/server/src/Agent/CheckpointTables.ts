/** LangGraph's own tables, as its PostgresSaver leaves them after all of its migrations. */
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"

/** The migrations of `@langchain/langgraph-checkpoint-postgres` 1 that these tables stand for: 0 to 4. */
export const latestVersion = 4

const tables = (sql: SqlClient.SqlClient) => [
  sql`CREATE TABLE checkpoint_migrations (
    v integer PRIMARY KEY
  )`,
  // `thread_id` is the session's id. It is text and refers to nothing, because LangGraph's tables are like that:
  // whoever deletes a session deletes its thread.
  sql`CREATE TABLE checkpoints (
    thread_id text NOT NULL,
    checkpoint_ns text NOT NULL DEFAULT '',
    checkpoint_id text NOT NULL,
    parent_checkpoint_id text,
    type text,
    checkpoint jsonb NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
  )`,
  // One row for each version of a channel; checkpoints share them by naming them in `channel_versions`.
  sql`CREATE TABLE checkpoint_blobs (
    thread_id text NOT NULL,
    checkpoint_ns text NOT NULL DEFAULT '',
    channel text NOT NULL,
    version text NOT NULL,
    type text NOT NULL,
    blob bytea,
    PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
  )`,
  // What tasks wrote after a checkpoint and before the next.
  sql`CREATE TABLE checkpoint_writes (
    thread_id text NOT NULL,
    checkpoint_ns text NOT NULL DEFAULT '',
    checkpoint_id text NOT NULL,
    task_id text NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    type text,
    blob bytea NOT NULL,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  )`,
  // So that PostgresSaver.setup(), should anybody call it, finds nothing to do.
  sql`INSERT INTO checkpoint_migrations (v) SELECT generate_series(0, ${latestVersion})`
]

/** Creates the four tables. */
export const create: Effect.Effect<void, SqlError.SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(tables(sql), (statement) => statement, { discard: true })
})
