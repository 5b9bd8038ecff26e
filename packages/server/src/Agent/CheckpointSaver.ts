/** LangGraph's checkpoints in our database, through our pool, in LangGraph's own tables. */
import type { RunnableConfig } from "@langchain/core/runnables"
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type PendingWrite
} from "@langchain/langgraph-checkpoint"
import { type Context, Effect, Option } from "effect"
import { blobRows, checkpointRow, configOf, queryOf, threadOf, tupleOf, writeRows } from "./CheckpointCodec.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"

/**
 * Writes what it is given at once, one statement each time. It stores no task paths, as the tables have no column for
 * them: the writes of one superstep come back in the order of their task ids.
 */
export class CheckpointSaver extends BaseCheckpointSaver {
  protected readonly repo: CheckpointRepo["Service"]
  protected readonly run: <A, E>(effect: Effect.Effect<A, E>, options?: Effect.RunOptions) => Promise<A>

  constructor(repo: CheckpointRepo["Service"], context: Context.Context<never>) {
    super()
    this.repo = repo
    this.run = Effect.runPromiseWith(context)
  }

  /** A saver whose statements belong to the trace, and to the transaction if there is one, in which it was made. */
  static readonly make: Effect.Effect<CheckpointSaver, never, CheckpointRepo> = Effect.gen(function* () {
    return new CheckpointSaver(yield* CheckpointRepo, yield* Effect.context<never>())
  })

  /** Aborting the graph ends its reads, for the reason it was aborted. What it saves is saved nevertheless. */
  protected async read<A, E>(effect: Effect.Effect<A, E>, { signal }: RunnableConfig): Promise<A> {
    try {
      return await this.run(effect, { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }

  override getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const read = Effect.gen({ self: this }, function* () {
      const { checkpoint_id, checkpoint_ns = "", thread_id } = yield* queryOf(config)
      if (thread_id === undefined) return undefined
      const stored = yield* this.repo.load({ thread_id, checkpoint_ns, checkpoint_id })
      return Option.isSome(stored) ? yield* tupleOf(this, stored.value) : undefined
    })
    return this.read(read, config)
  }

  override async *list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    const read = Effect.gen({ self: this }, function* () {
      const stored = yield* this.repo.list(yield* queryOf(config, options))
      return yield* Effect.forEach(stored, (checkpoint) => tupleOf(this, checkpoint))
    })
    yield* await this.read(read, config)
  }

  override put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions
  ): Promise<RunnableConfig> {
    const write = Effect.gen({ self: this }, function* () {
      const { thread_id } = yield* threadOf(config)
      const row = yield* checkpointRow(this, config, checkpoint, metadata)
      const blobs = yield* blobRows(this, row.checkpoint_ns, checkpoint.channel_values, newVersions)
      yield* this.repo.write({ thread_id, checkpoints: [row], blobs, writes: [] })
      return configOf(thread_id, row.checkpoint_ns, row.checkpoint_id)
    })
    return this.run(write)
  }

  override putWrites(config: RunnableConfig, writes: Array<PendingWrite>, taskId: string): Promise<void> {
    const write = Effect.gen({ self: this }, function* () {
      const { thread_id } = yield* threadOf(config)
      const rows = yield* writeRows(this, config, writes, taskId)
      yield* this.repo.write({ thread_id, checkpoints: [], blobs: [], writes: rows })
    })
    return this.run(write)
  }

  override deleteThread(threadId: string): Promise<void> {
    return this.run(this.repo.deleteThreads([threadId]))
  }
}
