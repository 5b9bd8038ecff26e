/**
 * LangGraph's tables. Every method is one SQL statement, and part of the caller's transaction if there is one; what a turn
 * commits is part of the turn's own statement.
 *
 * Nothing here locks a thread as a whole. Who commits to one or deletes it holds its session's row: else a deletion
 * during a commit can miss what is being committed, and many deletions at once can meet in a deadlock.
 */
import { Array, Context, Effect, Layer, Option } from "effect"
import { SqlClient, type SqlError, type Statement } from "effect/sql"
import { type StoredCheckpoint, type ThreadRows, decode } from "./CheckpointRows.ts"

/** What is left out does not matter. `metadata` must be contained in the checkpoint's. */
export interface CheckpointQuery {
  readonly thread_id?: string | undefined
  readonly checkpoint_ns?: string | undefined
  readonly checkpoint_id?: string | undefined
  /** Only checkpoints older than the one with this id. */
  readonly before?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly limit?: number | undefined
}

export class CheckpointRepo extends Context.Service<
  CheckpointRepo,
  {
    /** One checkpoint: that with the id, else the latest. */
    readonly load: (
      query: CheckpointQuery & { readonly thread_id: string; readonly checkpoint_ns: string }
    ) => Effect.Effect<Option.Option<StoredCheckpoint>, SqlError.SqlError>
    /** Newest first. */
    readonly list: (query: CheckpointQuery) => Effect.Effect<ReadonlyArray<StoredCheckpoint>, SqlError.SqlError>
    /** Adds rows. Of those that exist, checkpoints and writes with an index below 0 are replaced, the others are kept. */
    readonly write: (rows: ThreadRows) => Effect.Effect<void, SqlError.SqlError>
    /**
     * `write`, after which the checkpoints given are the only ones of their namespaces, with what they need and no more.
     * At most one for each namespace; other namespaces stay as they are.
     */
    readonly commit: (rows: ThreadRows) => Effect.Effect<void, SqlError.SqlError>
    /** `commit` as common table expressions of another statement, which do nothing unless its table `fence` has a row. */
    readonly committing: (rows: ThreadRows, fence: string) => Statement.Fragment
    /** Leaves the latest checkpoint of each namespace, with what it needs and no more. */
    readonly prune: (threadId: string) => Effect.Effect<void, SqlError.SqlError>
    readonly deleteThreads: (threadIds: ReadonlyArray<string>) => Effect.Effect<void, SqlError.SqlError>
  }
>()("@parley/server/CheckpointRepo") {
  static readonly layer: Layer.Layer<CheckpointRepo, never, SqlClient.SqlClient> = Layer.effect(
    CheckpointRepo,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const list = Effect.fn("CheckpointRepo.list")(function* (query: CheckpointQuery) {
    return yield* decode(yield* select(sql, query))
  })

  const load = Effect.fnUntraced(function* (query: CheckpointQuery) {
    return Array.head(yield* decode(yield* select(sql, { ...query, limit: 1 })))
  })

  const write = Effect.fn("CheckpointRepo.write")(function* (rows: ThreadRows) {
    yield* sql`WITH ${inserted(sql, rows, sql.literal("true"))} SELECT 1`
  })

  // Parts of one statement do not see each other's changes: what is kept is known from what was passed in, not from
  // the table. So it holds for a checkpoint whose id, made from another server's clock, looks older than the one before.
  const replacing = (
    rows: ThreadRows,
    isAllowed: Statement.Fragment
  ) => sql`${inserted(sql, rows, isAllowed)}, kept AS (
      SELECT checkpoint_ns, checkpoint_id, checkpoint -> 'channel_versions' AS versions FROM given
    ), ${pruned(sql, rows.thread_id)}`

  const commit = Effect.fn("CheckpointRepo.commit")(function* (rows: ThreadRows) {
    yield* sql`WITH ${replacing(rows, sql.literal("true"))} SELECT 1`
  })

  const committing = (rows: ThreadRows, fence: string) => replacing(rows, sql`EXISTS (SELECT FROM ${sql(fence)})`)

  const prune = Effect.fn("CheckpointRepo.prune")(function* (threadId: string) {
    yield* sql`WITH kept AS (
      SELECT DISTINCT ON (checkpoint_ns) checkpoint_ns, checkpoint_id, checkpoint -> 'channel_versions' AS versions
      FROM checkpoints WHERE thread_id = ${threadId}
      ORDER BY checkpoint_ns, checkpoint_id DESC
    ), ${pruned(sql, threadId)} SELECT 1`
  })

  const deleteThreads = Effect.fn("CheckpointRepo.deleteThreads")(function* (threadIds: ReadonlyArray<string>) {
    yield* sql`WITH
      deleted_checkpoints AS (DELETE FROM checkpoints WHERE thread_id = ANY(${threadIds}::text[])),
      deleted_blobs AS (DELETE FROM checkpoint_blobs WHERE thread_id = ANY(${threadIds}::text[])),
      deleted_writes AS (DELETE FROM checkpoint_writes WHERE thread_id = ANY(${threadIds}::text[]))
      SELECT 1`
  })

  return CheckpointRepo.of({ list, load, write, commit, committing, prune, deleteThreads })
})

/**
 * Ids are time-ordered hexadecimal, which every collation sorts alike, so the primary key's own order will do. Task ids
 * are anything, and LangGraph wants them by code point, which is what "C" means in UTF-8.
 */
const select = (sql: SqlClient.SqlClient, query: CheckpointQuery) =>
  sql`SELECT c.thread_id, c.checkpoint_ns, c.checkpoint_id, c.parent_checkpoint_id,
      c.checkpoint::text AS checkpoint, c.metadata::text AS metadata, blob.*, written.*, sent.*
    FROM checkpoints c
    CROSS JOIN LATERAL (
      SELECT array_agg(b.channel) AS blob_channels, array_agg(b.version) AS blob_versions,
        array_agg(b.type) AS blob_types, array_agg(b.blob) AS blobs
      FROM jsonb_each_text(c.checkpoint -> 'channel_versions') named
      JOIN checkpoint_blobs b ON b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns
        AND b.channel = named.key AND b.version = named.value AND b.type <> 'empty'
    ) blob
    CROSS JOIN LATERAL (
      SELECT array_agg(w.task_id ORDER BY w.task_id COLLATE "C", w.idx) AS write_tasks,
        array_agg(w.idx ORDER BY w.task_id COLLATE "C", w.idx) AS write_indices,
        array_agg(w.channel ORDER BY w.task_id COLLATE "C", w.idx) AS write_channels,
        array_agg(w.type ORDER BY w.task_id COLLATE "C", w.idx) AS write_types,
        array_agg(w.blob ORDER BY w.task_id COLLATE "C", w.idx) AS writes
      FROM checkpoint_writes w
      WHERE w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.checkpoint_id
    ) written
    CROSS JOIN LATERAL (
      SELECT array_agg(w.type ORDER BY w.task_id COLLATE "C", w.idx) AS send_types,
        array_agg(w.blob ORDER BY w.task_id COLLATE "C", w.idx) AS sends
      FROM checkpoint_writes w
      WHERE (c.checkpoint ->> 'v')::integer < 4 AND w.channel = '__pregel_tasks'
        AND w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.parent_checkpoint_id
    ) sent
    WHERE ${sql.and(conditions(sql, query))}
    ORDER BY c.checkpoint_id DESC
    ${query.limit === undefined ? sql.literal("") : sql`LIMIT ${query.limit}`}`

const conditions = (sql: SqlClient.SqlClient, query: CheckpointQuery): ReadonlyArray<Statement.Fragment> => {
  const { before, checkpoint_id, checkpoint_ns, metadata, thread_id } = query
  return [
    ...(thread_id === undefined ? [] : [sql`c.thread_id = ${thread_id}`]),
    ...(checkpoint_ns === undefined ? [] : [sql`c.checkpoint_ns = ${checkpoint_ns}`]),
    ...(checkpoint_id === undefined ? [] : [sql`c.checkpoint_id = ${checkpoint_id}`]),
    ...(before === undefined ? [] : [sql`c.checkpoint_id < ${before}`]),
    ...(metadata === undefined ? [] : [sql`c.metadata @> ${JSON.stringify(metadata)}::jsonb`])
  ]
}

/** Common table expressions that add the rows if they may; `given` are then the checkpoints among them. */
const inserted = (sql: SqlClient.SqlClient, rows: ThreadRows, isAllowed: Statement.Fragment) => sql`
  given AS (
    SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint::jsonb AS checkpoint, metadata::jsonb AS metadata
    FROM jsonb_to_recordset(${JSON.stringify(rows.checkpoints)}::jsonb)
      AS r(checkpoint_ns text, checkpoint_id text, parent_checkpoint_id text, checkpoint text, metadata text)
    WHERE ${isAllowed}
  ), inserted_checkpoints AS (
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    SELECT ${rows.thread_id}::text, g.* FROM given g
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata
  ), inserted_blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT ${rows.thread_id}::text, r.ns, r.channel, r.version, r.type, CASE WHEN r.type <> 'empty' THEN r.blob END
    FROM unnest(
      ${rows.blobs.map((row) => row.checkpoint_ns)}::text[], ${rows.blobs.map((row) => row.channel)}::text[],
      ${rows.blobs.map((row) => row.version)}::text[], ${rows.blobs.map((row) => row.type)}::text[],
      ${rows.blobs.map((row) => row.blob ?? noBytes)}::bytea[]
    ) AS r(ns, channel, version, type, blob)
    WHERE ${isAllowed}
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
  ), inserted_writes AS (
    INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob)
    SELECT ${rows.thread_id}::text, r.*
    FROM unnest(
      ${rows.writes.map((row) => row.checkpoint_ns)}::text[], ${rows.writes.map((row) => row.checkpoint_id)}::text[],
      ${rows.writes.map((row) => row.task_id)}::text[], ${rows.writes.map((row) => row.idx)}::integer[],
      ${rows.writes.map((row) => row.channel)}::text[], ${rows.writes.map((row) => row.type)}::text[],
      ${rows.writes.map((row) => row.blob)}::bytea[]
    ) AS r(ns, id, task_id, idx, channel, type, blob)
    WHERE ${isAllowed}
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
    DO UPDATE SET channel = EXCLUDED.channel, type = EXCLUDED.type, blob = EXCLUDED.blob WHERE EXCLUDED.idx < 0
  )`

// The driver cannot tell the type of an array that holds nothing but nulls.
const noBytes = new Uint8Array()

/** Common table expressions that delete, in the namespaces of `kept`, what its checkpoints do not need. */
const pruned = (sql: SqlClient.SqlClient, threadId: string) => sql`
  pruned_checkpoints AS (
    DELETE FROM checkpoints c USING kept k
    WHERE c.thread_id = ${threadId} AND c.checkpoint_ns = k.checkpoint_ns AND c.checkpoint_id <> k.checkpoint_id
  ), pruned_blobs AS (
    DELETE FROM checkpoint_blobs b USING kept k
    WHERE b.thread_id = ${threadId} AND b.checkpoint_ns = k.checkpoint_ns
      AND b.version IS DISTINCT FROM (k.versions ->> b.channel)
  ), pruned_writes AS (
    DELETE FROM checkpoint_writes w USING kept k
    WHERE w.thread_id = ${threadId} AND w.checkpoint_ns = k.checkpoint_ns AND w.checkpoint_id <> k.checkpoint_id
  )`
