import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { type BaseCheckpointSaver, type CheckpointTuple, INTERRUPT, TASKS } from "@langchain/langgraph-checkpoint"
import { expect, layer } from "@effect/vitest"
import { Effect, Record, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"
import { checkpointWith, metadata } from "./CheckpointTestDatabase.ts"

/** Everything the serialiser knows, and what PostgreSQL is known to dislike. */
const values = {
  messages: [
    new HumanMessage({ id: "q", content: "Grüße, 世界 👋 \u0000 \\u0000 \ud800" }),
    new AIMessage({ id: "a", content: "", tool_calls: [{ id: "c", name: "current_time", args: { zone: "UTC" } }] }),
    new ToolMessage({ id: "t", tool_call_id: "c", content: "noon" })
  ],
  summary: "",
  none: null,
  missing: undefined,
  set: new Set([1, 2]),
  map: new Map([["k", { deep: true }]]),
  pattern: /a.c/gi,
  bytes: new Uint8Array([0, 1, 255]),
  noBytes: new Uint8Array()
}

/** A thread of two checkpoints, the second carrying over all channels but two, with writes in several namespaces. */
const fill = Effect.fnUntraced(function* (saver: BaseCheckpointSaver, thread_id: string) {
  const use = <A>(f: () => Promise<A>) => Effect.promise(f)
  const versions = Object.fromEntries(Object.keys(values).map((channel) => [channel, 1]))
  for (const checkpoint_ns of ["", "sub:1"]) {
    const first = yield* use(() =>
      saver.put({ configurable: { thread_id, checkpoint_ns } }, checkpointWith(values, versions), metadata, versions)
    )
    yield* use(() =>
      saver.putWrites(
        first,
        [
          [TASKS, { a: 1 }],
          ["messages", values.messages]
        ],
        "task-ä"
      )
    )
    const next = { summary: 2, gone: 2 }
    const second = yield* use(() =>
      saver.put(first, checkpointWith({ ...values, summary: "short" }, { ...versions, ...next }), metadata, next)
    )
    yield* use(() =>
      saver.putWrites(
        second,
        [
          ["messages", "z"],
          ["bytes", values.bytes]
        ],
        "task-z"
      )
    )
    yield* use(() => saver.putWrites(second, [["messages", "B"]], "task-B"))
    yield* use(() => saver.putWrites(second, [[INTERRUPT, "earlier"]], "task-z"))
    yield* use(() =>
      saver.putWrites(
        second,
        [
          [INTERRUPT, "first"],
          [INTERRUPT, "later"]
        ],
        "task-z"
      )
    )
  }
})

/** `pg` gives bytes as a Buffer. */
const plain = (value: unknown) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value)

const plainTuple = ({ checkpoint, pendingWrites = [], ...rest }: CheckpointTuple) => ({
  ...rest,
  checkpoint: { ...checkpoint, channel_values: Record.map(checkpoint.channel_values, plain) },
  pendingWrites: pendingWrites.map(([task, channel, value]) => [task, channel, plain(value)])
})

const everything = (saver: BaseCheckpointSaver, thread_id: string) =>
  Stream.fromAsyncIterable(saver.list({ configurable: { thread_id } }), (error) => error).pipe(
    Stream.map(plainTuple),
    Stream.runCollect
  )

layer(TestDatabase.layer)("CheckpointSaver beside PostgresSaver", (it) => {
  it.effect("reads what the other wrote, as the other reads it", () =>
    Effect.gen(function* () {
      const ours = yield* CheckpointSaver.make
      const theirs = yield* TestDatabase.Theirs
      const thread_id = randomUUID()
      yield* fill(theirs, thread_id)
      const read = yield* everything(ours, thread_id)
      expect(read).toHaveLength(4)
      expect(read).toEqual(yield* everything(theirs, thread_id))
      const config = { configurable: { thread_id, checkpoint_ns: "sub:1" } }
      const latest = yield* Effect.promise(() => ours.getTuple(config))
      expect(latest?.checkpoint.id).toBe((yield* Effect.promise(() => theirs.getTuple(config)))?.checkpoint.id)
      expect(latest?.checkpoint.channel_values).toEqual({ ...values, summary: "short" })
    })
  )

  it.effect("is read by the other as it reads itself", () =>
    Effect.gen(function* () {
      const ours = yield* CheckpointSaver.make
      const theirs = yield* TestDatabase.Theirs
      const thread_id = randomUUID()
      yield* fill(ours, thread_id)
      const read = yield* everything(theirs, thread_id)
      expect(read).toHaveLength(4)
      expect(read).toEqual(yield* everything(ours, thread_id))
      expect(read[0]?.pendingWrites).toEqual([
        ["task-B", "messages", "B"],
        ["task-z", INTERRUPT, "later"],
        ["task-z", "messages", "z"],
        ["task-z", "bytes", values.bytes]
      ])
    })
  )

  it.effect("writes the same rows", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rowsOf = Effect.fnUntraced(function* (saver: BaseCheckpointSaver) {
        const thread_id = randomUUID()
        yield* fill(saver, thread_id)
        return {
          checkpoints: yield* sql`SELECT checkpoint_ns, type, checkpoint - 'id' - 'ts' AS checkpoint, metadata
              FROM checkpoints WHERE thread_id = ${thread_id} ORDER BY checkpoint_ns, checkpoint_id`,
          blobs: yield* sql`SELECT checkpoint_ns, channel, version, type, blob
              FROM checkpoint_blobs WHERE thread_id = ${thread_id} ORDER BY checkpoint_ns, channel, version`,
          writes: yield* sql`SELECT checkpoint_ns, task_id, idx, channel, type, blob
              FROM checkpoint_writes WHERE thread_id = ${thread_id} ORDER BY checkpoint_ns, checkpoint_id, task_id, idx`
        }
      })
      const rows = yield* rowsOf(yield* CheckpointSaver.make)
      expect(rows.blobs).toHaveLength(2 * (Object.keys(values).length + 2))
      expect(rows).toEqual(yield* rowsOf(yield* TestDatabase.Theirs))
    })
  )
})
