import type { RunnableConfig } from "@langchain/core/runnables"
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { type BaseCheckpointSaver, type Checkpoint, type CheckpointTuple, INTERRUPT, TASKS, uuid6 } from "@langchain/langgraph-checkpoint"
import { describe, expect, layer } from "@effect/vitest"
import { Effect, Record, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

const metadata = { source: "loop", step: 3, parents: { "": "above" }, extra: { tags: ["a", "b"] } } as const

const checkpointWith = (values: Record<string, unknown>, versions: Record<string, number>): Checkpoint => ({
  v: 4,
  id: uuid6(0),
  ts: new Date().toISOString(),
  channel_values: values,
  channel_versions: versions,
  versions_seen: { agent: { messages: 2 }, __input__: {} }
})

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
    yield* use(() => saver.putWrites(first, [[TASKS, { a: 1 }], ["messages", values.messages]], "task-ä"))
    const next = { summary: 2, gone: 2 }
    const second = yield* use(() =>
      saver.put(first, checkpointWith({ ...values, summary: "short" }, { ...versions, ...next }), metadata, next)
    )
    yield* use(() => saver.putWrites(second, [["messages", "z"], ["bytes", values.bytes]], "task-z"))
    yield* use(() => saver.putWrites(second, [["messages", "B"]], "task-B"))
    yield* use(() => saver.putWrites(second, [[INTERRUPT, "earlier"]], "task-z"))
    yield* use(() => saver.putWrites(second, [[INTERRUPT, "first"], [INTERRUPT, "later"]], "task-z"))
  }
})

const listed = (saver: BaseCheckpointSaver, config: RunnableConfig) =>
  Stream.runCollect(Stream.fromAsyncIterable(saver.list(config), (error) => error))

/** `pg` gives bytes as a Buffer. */
const plain = (value: unknown) => (Buffer.isBuffer(value) ? new Uint8Array(value) : value)

const plainTuple = ({ checkpoint, pendingWrites = [], ...rest }: CheckpointTuple) => ({
  ...rest,
  checkpoint: { ...checkpoint, channel_values: Record.map(checkpoint.channel_values, plain) },
  pendingWrites: pendingWrites.map(([task, channel, value]) => [task, channel, plain(value)])
})

const everything = (saver: BaseCheckpointSaver, thread_id: string) =>
  Effect.map(listed(saver, { configurable: { thread_id } }), (tuples) => tuples.map(plainTuple))

describe("CheckpointSaver", () => {
  layer(TestDatabase.layer)("beside PostgresSaver", (it) => {
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

    it.effect("takes the sends of checkpoints older than format 4 from their parents, whatever their thread", () =>
      Effect.gen(function* () {
        const ours = yield* CheckpointSaver.make
        const threads = [randomUUID(), randomUUID()]
        for (const thread_id of threads) {
          const old = { ...checkpointWith({}, { x: 7 }), v: 1 }
          const first = yield* Effect.promise(() => ours.put({ configurable: { thread_id } }, old, metadata, {}))
          yield* Effect.promise(() => ours.putWrites(first, [[TASKS, thread_id]], "task"))
          yield* Effect.promise(() => ours.put(first, { ...old, id: uuid6(1) }, metadata, {}))
        }
        const all = yield* listed(ours, {})
        const migrated = all.filter(({ checkpoint }) => checkpoint.v === 1 && TASKS in checkpoint.channel_values)
        expect(migrated.map(({ checkpoint }) => checkpoint.channel_values[TASKS])).toEqual(threads.reverse().map((id) => [id]))
        expect(migrated.map(({ checkpoint }) => checkpoint.channel_versions[TASKS])).toEqual([7, 7])
      })
    )

    it.effect("leaves out of metadata the character that jsonb cannot hold, and nothing else", () =>
      Effect.gen(function* () {
        const ours = yield* CheckpointSaver.make
        const thread_id = randomUUID()
        const odd = { ...metadata, "a\u0000b": "\\u0000 \u0000\\\u0000 \\\\ \n é" }
        const config = yield* Effect.promise(() =>
          ours.put({ configurable: { thread_id } }, checkpointWith({}, {}), odd, {})
        )
        const tuple = yield* Effect.promise(() => ours.getTuple(config))
        expect(tuple?.metadata).toEqual({ ...metadata, ab: "\\u0000 \\ \\\\ \n é" })
      })
    )

    it.effect("sends one statement for each of its methods", () =>
      Effect.gen(function* () {
        const thread_id = randomUUID()
        const config = { configurable: { thread_id, checkpoint_ns: "" } }
        const put = { ...config, configurable: { ...config.configurable, checkpoint_id: "1" } }
        const operations: ReadonlyArray<(saver: CheckpointSaver) => Promise<unknown>> = [
          (saver) => saver.put(config, checkpointWith(values, { messages: 1 }), metadata, { messages: 1, set: 1, map: 1 }),
          (saver) => saver.putWrites(put, [["a", 1], ["b", 2], ["c", 3]], "task"),
          (saver) => saver.getTuple(config),
          (saver) => saver.list(config).next(),
          (saver) => saver.deleteThread(thread_id)
        ]
        for (const operation of operations) {
          const { statements } = yield* TestDatabase.countStatements(
            Effect.flatMap(CheckpointSaver.make, (saver) => Effect.promise(() => operation(saver)))
          )
          expect(statements).toBe(1)
        }
      })
    )

    it.effect("stops waiting for the database when the graph is aborted, and says why", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const ours = yield* CheckpointSaver.make
        const waiting = sql`SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
        const abort = new AbortController()
        const config = { configurable: { thread_id: randomUUID() }, signal: abort.signal }
        yield* Effect.gen(function* () {
          yield* sql`LOCK TABLE checkpoints`
          const reason = ours.getTuple(config).catch((error: unknown) => error)
          yield* Effect.repeat(waiting, { until: (rows) => rows.length === 1 })
          abort.abort(new Error("the client left"))
          expect(yield* Effect.promise(() => reason)).toBe(abort.signal.reason)
        }).pipe(sql.withTransaction)
      })
    )

    it.effect("fails with the reason when a configuration is not usable", () =>
      Effect.gen(function* () {
        const ours = yield* CheckpointSaver.make
        yield* Effect.promise(() =>
          expect(ours.getTuple({ configurable: { thread_id: 7 } })).rejects.toThrow(/thread_id/)
        )
      })
    )
  })
})
