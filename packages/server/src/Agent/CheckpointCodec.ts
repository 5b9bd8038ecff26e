/** Between LangGraph's checkpoints and the rows they are kept in, byte for byte as PostgresSaver does it. */
import type { RunnableConfig } from "@langchain/core/runnables"
import {
  type BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  type PendingWrite,
  TASKS,
  WRITES_IDX_MAP,
  maxChannelVersion
} from "@langchain/langgraph-checkpoint"
import { Effect, Schema, Struct } from "effect"
import type { CheckpointQuery } from "./CheckpointRepo.ts"
import type { BlobRow, CheckpointRow, StoredCheckpoint, WriteRow } from "./CheckpointRows.ts"

const key = Schema.optional(Schema.NullOr(Schema.String))
const Address = Schema.Struct({ thread_id: key, checkpoint_ns: key, checkpoint_id: key })
const ThreadAddress = Schema.Struct({ thread_id: Schema.String, checkpoint_ns: key, checkpoint_id: key })
const CheckpointAddress = Schema.Struct({ thread_id: Schema.String, checkpoint_ns: key, checkpoint_id: Schema.String })

const decodeAddress = Schema.decodeUnknownEffect(Address)

/** Which checkpoints a configuration means; an empty or absent part means all of them. */
export const queryOf = Effect.fnUntraced(function* (config: RunnableConfig, options: CheckpointListOptions = {}) {
  const address = yield* decodeAddress(config.configurable ?? {})
  const before = yield* decodeAddress(options.before?.configurable ?? {})
  return {
    thread_id: address.thread_id || undefined,
    checkpoint_ns: address.checkpoint_ns ?? undefined,
    checkpoint_id: address.checkpoint_id || undefined,
    before: before.checkpoint_id || undefined,
    metadata: options.filter,
    limit: options.limit
  } satisfies CheckpointQuery
})

/** Where a checkpoint is to be put; `checkpoint_id` is its parent's. */
export const threadOf = (config: RunnableConfig) => Schema.decodeUnknownEffect(ThreadAddress)(config.configurable)

/** The checkpoint that writes belong to. */
export const checkpointOf = (config: RunnableConfig) =>
  Schema.decodeUnknownEffect(CheckpointAddress)(config.configurable)

export const configOf = (thread_id: string, checkpoint_ns: string, checkpoint_id: string) => ({
  configurable: { thread_id, checkpoint_ns, checkpoint_id }
})

const Version = Schema.Union([Schema.Finite, Schema.String])
const Versions = Schema.Record(Schema.String, Version)
const decodeCheckpoint = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({
      v: Schema.Finite,
      id: Schema.String,
      ts: Schema.String,
      channel_versions: Versions.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
      versions_seen: Schema.Record(Schema.String, Versions).pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))
    })
  )
)

/** What the serialiser cannot read or write is a defect: nobody can repair it, and it must not pass for an empty state. */
const load = (saver: BaseCheckpointSaver, type: string, data: Uint8Array | string): Effect.Effect<unknown> =>
  Effect.promise(() => saver.serde.loadsTyped(type, data))

const dump = (saver: BaseCheckpointSaver, value: unknown): Effect.Effect<readonly [type: string, bytes: Uint8Array]> =>
  Effect.promise(() => saver.serde.dumpsTyped(value))

/** Restores a checkpoint. */
export const tupleOf = Effect.fnUntraced(function* (saver: BaseCheckpointSaver, stored: StoredCheckpoint) {
  const { checkpoint_id, checkpoint_ns, parent_checkpoint_id, thread_id } = stored
  const { channel_versions, ...rest } = yield* Effect.orDie(decodeCheckpoint(stored.checkpoint))
  const values = yield* Effect.forEach(stored.blobs, ({ blob, channel, type }) =>
    Effect.map(blob === null ? Effect.undefined : load(saver, type, blob), (value) => [channel, value] as const)
  )
  const sends = yield* Effect.forEach(stored.sends, ({ blob, type }) => load(saver, type, blob))
  const pendingWrites = yield* Effect.forEach(stored.writes, ({ blob, channel, task_id, type }) =>
    Effect.map(load(saver, type, blob), (value): CheckpointPendingWrite => [task_id, channel, value])
  )
  // The serialiser promises no type; `put` gave it this one.
  const metadata = yield* Effect.promise((): Promise<CheckpointMetadata> =>
    saver.serde.loadsTyped("json", stored.metadata)
  )
  const before4 = sends.length > 0
  const versions = Object.values(channel_versions)
  const newest = versions.length > 0 ? maxChannelVersion(...versions) : saver.getNextVersion(undefined)
  const tuple: CheckpointTuple = {
    config: configOf(thread_id, checkpoint_ns, checkpoint_id),
    checkpoint: {
      ...rest,
      channel_values: Object.fromEntries(before4 ? [...values, [TASKS, sends]] : values),
      channel_versions: before4 ? { ...channel_versions, [TASKS]: newest } : channel_versions
    },
    metadata,
    pendingWrites,
    ...(parent_checkpoint_id === null ? {} : { parentConfig: configOf(thread_id, checkpoint_ns, parent_checkpoint_id) })
  }
  return tuple
})

export const checkpointRow = Effect.fnUntraced(function* (
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata
) {
  const { checkpoint_id, checkpoint_ns } = yield* threadOf(config)
  const [, bytes] = yield* dump(saver, metadata)
  const row: CheckpointRow = {
    checkpoint_ns: checkpoint_ns ?? "",
    checkpoint_id: checkpoint.id,
    parent_checkpoint_id: checkpoint_id || null,
    checkpoint: withoutNul(JSON.stringify(Struct.omit(checkpoint, ["channel_values"]))),
    metadata: withoutNul(new TextDecoder().decode(bytes))
  }
  return row
})

/** `jsonb` cannot hold the character U+0000. Escapes are read in pairs, so that a backslash before "u0000" is no NUL. */
const withoutNul = (json: string) => json.replace(/\\(?:u0000|.)/gs, (escape) => (escape === "\\u0000" ? "" : escape))

export const blobRows = (
  saver: BaseCheckpointSaver,
  checkpoint_ns: string,
  values: Readonly<Record<string, unknown>>,
  versions: ChannelVersions
): Effect.Effect<ReadonlyArray<BlobRow>> =>
  Effect.forEach(Object.entries(versions), ([channel, version]) => {
    const row = { checkpoint_ns, channel, version: String(version) }
    return Object.hasOwn(values, channel)
      ? Effect.map(dump(saver, values[channel]), ([type, blob]): BlobRow => ({ ...row, type, blob }))
      : Effect.succeed<BlobRow>({ ...row, type: "empty", blob: null })
  })

export const writeRows = Effect.fnUntraced(function* (
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  writes: ReadonlyArray<PendingWrite>,
  task_id: string
) {
  const { checkpoint_id, checkpoint_ns } = yield* checkpointOf(config)
  const rows = yield* Effect.forEach(writes, ([channel, value], position) =>
    Effect.map(dump(saver, value), ([type, blob]): WriteRow => {
      const idx = WRITES_IDX_MAP[channel] ?? position
      return { checkpoint_ns: checkpoint_ns ?? "", checkpoint_id, task_id, idx, channel, type, blob }
    })
  )
  // Two interrupts of one task have the same index: the later one counts, and one statement cannot write a row twice.
  return [...new Map(rows.map((row) => [row.idx, row])).values()]
})
