/**
 * The checkpoint of one turn, held in memory until the turn commits.
 *
 * With `durability: "exit"` LangGraph hands over its checkpoint inside `invoke`, also when the turn failed or was
 * aborted. So nothing is written then: after an `invoke` that succeeded, the turn commits what was staged together with
 * its messages and its usage.
 */
import type { RunnableConfig } from "@langchain/core/runnables"
import {
  type BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointTuple,
  type PendingWrite,
  compareWritesSortKeys,
  writesSortKey
} from "@langchain/langgraph-checkpoint"
import { type Context, Effect, Option } from "effect"
import { blobRows, checkpointRow, configOf, queryOf, threadOf, tupleOf, writeRows } from "./CheckpointCodec.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import type { BlobRow, CheckpointRow, StoredCheckpoint, ThreadRows, WriteRow } from "./CheckpointRows.ts"
import { CheckpointSaver } from "./CheckpointSaver.ts"

export interface Staging {
  /** For one attempt of one turn: an attempt after a failed one needs a saver of its own, or it continues the failed one. */
  readonly saver: BaseCheckpointSaver
  /** What `CheckpointRepo.commit` is to write, if the graph has saved anything. */
  readonly staged: () => Option.Option<ThreadRows>
}

/** Make it outside the turn's transaction: its reads would go through the connection of one that is open here. */
export const stage = (threadId: string): Effect.Effect<Staging, never, CheckpointRepo> =>
  Effect.gen(function* () {
    const saver = new StagedSaver(threadId, yield* CheckpointRepo, yield* Effect.context<never>())
    return { saver, staged: () => saver.staged() }
  })

interface Put {
  readonly row: CheckpointRow
  readonly versions: ChannelVersions
}

/** Reads the database once for each checkpoint, and sees what was put above it. Never writes. */
class StagedSaver extends CheckpointSaver {
  readonly #threadId: string
  readonly #puts: Array<Put> = []
  readonly #newBlobs = new Map<string, BlobRow>()
  readonly #newWrites = new Map<string, WriteRow>()
  readonly #loaded = new Map<string, Option.Option<StoredCheckpoint>>()
  readonly #loadedBlobs = new Map<string, BlobRow>()

  constructor(threadId: string, repo: CheckpointRepo["Service"], context: Context.Context<never>) {
    super(repo, context)
    this.#threadId = threadId
  }

  staged(): Option.Option<ThreadRows> {
    if (this.#puts.length === 0 && this.#newWrites.size === 0) return Option.none()
    const latest = new Map(this.#puts.map((put) => [put.row.checkpoint_ns, put]))
    return Option.some({
      thread_id: this.#threadId,
      checkpoints: [...latest.values()].map((put) => put.row),
      blobs: [...this.#newBlobs.values()].filter(
        (blob) => String(latest.get(blob.checkpoint_ns)?.versions[blob.channel]) === blob.version
      ),
      // Writes to a checkpoint that is superseded here would be pruned as soon as they are written.
      writes: [...this.#newWrites.values()].filter(
        (write) => (latest.get(write.checkpoint_ns)?.row.checkpoint_id ?? write.checkpoint_id) === write.checkpoint_id
      )
    })
  }

  override getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const read = Effect.gen({ self: this }, function* () {
      const { checkpoint_id, checkpoint_ns = "", thread_id } = yield* queryOf(config)
      yield* this.#mine(thread_id)
      const put = this.#puts.findLast(
        ({ row }) => row.checkpoint_ns === checkpoint_ns && (checkpoint_id ?? row.checkpoint_id) === row.checkpoint_id
      )
      const stored =
        put === undefined ? yield* this.#load(checkpoint_ns, checkpoint_id) : Option.some(this.#restored(put))
      return Option.isSome(stored) ? yield* tupleOf(this, this.#withNewWrites(stored.value)) : undefined
    })
    return this.read(read, config)
  }

  override put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions
  ): Promise<RunnableConfig> {
    const remember = Effect.gen({ self: this }, function* () {
      yield* this.#mine((yield* threadOf(config)).thread_id)
      if ("delta_writes_versioned" in metadata || metadata.counters_since_delta_snapshot !== undefined) {
        return yield* Effect.die(
          new Error("A DeltaChannel needs the checkpoints that commit prunes: use MessagesValue")
        )
      }
      const row = yield* checkpointRow(this, config, checkpoint, metadata)
      const blobs = yield* blobRows(this, row.checkpoint_ns, checkpoint.channel_values, newVersions)
      for (const blob of blobs) this.#newBlobs.set(blobKey(blob), blob)
      this.#puts.push({ row, versions: { ...checkpoint.channel_versions } })
      return configOf(this.#threadId, row.checkpoint_ns, row.checkpoint_id)
    })
    return this.run(remember)
  }

  override putWrites(config: RunnableConfig, writes: Array<PendingWrite>, taskId: string): Promise<void> {
    const remember = Effect.gen({ self: this }, function* () {
      yield* this.#mine((yield* threadOf(config)).thread_id)
      for (const row of yield* writeRows(this, config, writes, taskId)) addWrite(this.#newWrites, row)
    })
    return this.run(remember)
  }

  override deleteThread(): Promise<void> {
    return this.run(Effect.die(new Error("A staged saver deletes nothing: use CheckpointRepo.deleteThreads")))
  }

  #mine(threadId: string | undefined): Effect.Effect<void> {
    return threadId === this.#threadId
      ? Effect.void
      : Effect.die(new Error(`This saver is for thread ${this.#threadId}, not for ${threadId}`))
  }

  readonly #load = Effect.fnUntraced(
    { self: this },
    function* (checkpoint_ns: string, checkpoint_id: string | undefined) {
      const key = keyOf(checkpoint_ns, checkpoint_id ?? "")
      const known = this.#loaded.get(key)
      if (known !== undefined) return known
      const stored = yield* this.repo.load({ thread_id: this.#threadId, checkpoint_ns, checkpoint_id })
      this.#loaded.set(key, stored)
      if (Option.isSome(stored)) {
        this.#loaded.set(keyOf(checkpoint_ns, stored.value.checkpoint_id), stored)
        for (const blob of stored.value.blobs) this.#loadedBlobs.set(blobKey(blob), blob)
      }
      return stored
    }
  )

  #restored({ row, versions }: Put): StoredCheckpoint {
    const { checkpoint_ns } = row
    const blobs = Object.entries(versions).flatMap(([channel, version]) => {
      const key = blobKey({ checkpoint_ns, channel, version: String(version) })
      const blob = this.#newBlobs.get(key) ?? this.#loadedBlobs.get(key)
      return blob === undefined || blob.blob === null ? [] : [blob]
    })
    return { ...row, thread_id: this.#threadId, blobs, writes: [], sends: [] }
  }

  #withNewWrites(stored: StoredCheckpoint): StoredCheckpoint {
    const { checkpoint_id, checkpoint_ns } = stored
    const writes = new Map(stored.writes.map((write) => [writeKey(write), write]))
    for (const write of this.#newWrites.values()) {
      if (write.checkpoint_ns === checkpoint_ns && write.checkpoint_id === checkpoint_id) addWrite(writes, write)
    }
    return { ...stored, writes: [...writes.values()].toSorted((a, b) => compareWritesSortKeys(sortKey(a), sortKey(b))) }
  }
}

const keyOf = (...parts: ReadonlyArray<string | number>) => JSON.stringify(parts)
const blobKey = (blob: Pick<BlobRow, "checkpoint_ns" | "channel" | "version">) =>
  keyOf(blob.checkpoint_ns, blob.channel, blob.version)
const writeKey = (write: WriteRow) => keyOf(write.checkpoint_ns, write.checkpoint_id, write.task_id, write.idx)
const sortKey = (write: WriteRow) => writesSortKey("", write.task_id, write.idx)

/** As `CheckpointRepo.write` does it: the first write stays, but errors, interrupts and the like give way to later ones. */
const addWrite = (writes: Map<string, WriteRow>, write: WriteRow) => {
  const key = writeKey(write)
  if (write.idx < 0 || !writes.has(key)) writes.set(key, write)
}
