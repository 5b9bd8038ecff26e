/** Rows of LangGraph's tables, under the names of their columns. */
import { Array, Effect, Schema } from "effect"

/** JSON columns are text here: what they mean is LangGraph's business, not the repository's. */
export interface CheckpointRow {
  /** Empty for the graph itself, else the path of a subgraph. */
  readonly checkpoint_ns: string
  readonly checkpoint_id: string
  readonly parent_checkpoint_id: string | null
  readonly checkpoint: string
  readonly metadata: string
}

/** One version of a channel. `type` is the serialiser's, or "empty" (and `blob` null) for a channel without a value. */
export interface BlobRow {
  readonly checkpoint_ns: string
  readonly channel: string
  readonly version: string
  readonly type: string
  readonly blob: Uint8Array | null
}

/** What a task wrote after a checkpoint. Errors, interrupts and the like have fixed indices below 0. */
export interface WriteRow {
  readonly checkpoint_ns: string
  readonly checkpoint_id: string
  readonly task_id: string
  readonly idx: number
  readonly channel: string
  readonly type: string
  readonly blob: Uint8Array
}

/** Rows of one thread that belong together. */
export interface ThreadRows {
  readonly thread_id: string
  readonly checkpoints: ReadonlyArray<CheckpointRow>
  readonly blobs: ReadonlyArray<BlobRow>
  readonly writes: ReadonlyArray<WriteRow>
}

/** A checkpoint with all it takes to restore it. */
export interface StoredCheckpoint extends CheckpointRow {
  readonly thread_id: string
  /** The versions that the checkpoint names, those that have a value. */
  readonly blobs: ReadonlyArray<BlobRow>
  /** In the order in which LangGraph applies them. */
  readonly writes: ReadonlyArray<WriteRow>
  /** The sends pending at the parent of a checkpoint older than format 4, which kept them there. */
  readonly sends: ReadonlyArray<Pick<WriteRow, "type" | "blob">>
}

// `array_agg` of no rows is null.
const column = <S extends Schema.Constraint>(item: S) => Schema.NullOr(Schema.Array(item))

const Selected = Schema.Struct({
  thread_id: Schema.String,
  checkpoint_ns: Schema.String,
  checkpoint_id: Schema.String,
  parent_checkpoint_id: Schema.NullOr(Schema.String),
  checkpoint: Schema.String,
  metadata: Schema.String,
  blob_channels: column(Schema.String),
  blob_versions: column(Schema.String),
  blob_types: column(Schema.String),
  blobs: column(Schema.Uint8Array),
  write_tasks: column(Schema.String),
  write_indices: column(Schema.Int),
  write_channels: column(Schema.String),
  write_types: column(Schema.String),
  writes: column(Schema.Uint8Array),
  send_types: column(Schema.String),
  sends: column(Schema.Uint8Array)
})

const decodeSelected = Schema.decodeUnknownEffect(Schema.Array(Selected))

const zip = <A, B>(left: ReadonlyArray<A> | null, right: ReadonlyArray<B> | null) => Array.zip(left ?? [], right ?? [])

const restored = (row: typeof Selected.Type): StoredCheckpoint => {
  const { checkpoint_id, checkpoint_ns } = row
  return {
    thread_id: row.thread_id,
    checkpoint_ns,
    checkpoint_id,
    parent_checkpoint_id: row.parent_checkpoint_id,
    checkpoint: row.checkpoint,
    metadata: row.metadata,
    blobs: zip(zip(row.blob_channels, row.blob_versions), zip(row.blob_types, row.blobs)).map(
      ([[channel, version], [type, blob]]) => ({ checkpoint_ns, channel, version, type, blob })
    ),
    writes: zip(zip(zip(row.write_tasks, row.write_indices), row.write_channels), zip(row.write_types, row.writes)).map(
      ([[[task_id, idx], channel], [type, blob]]) => ({
        checkpoint_ns,
        checkpoint_id,
        task_id,
        idx,
        channel,
        type,
        blob
      })
    ),
    sends: zip(row.send_types, row.sends).map(([type, blob]) => ({ type, blob }))
  }
}

/** Reads the columns `CheckpointRepo` selects: arrays of one dimension, which is all the driver takes, side by side. */
export const decode = (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<StoredCheckpoint>> =>
  decodeSelected(rows).pipe(
    Effect.map((selected) => selected.map(restored)),
    Effect.orDie
  )
