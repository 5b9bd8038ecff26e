import { TASKS, uuid6 } from "@langchain/langgraph-checkpoint"
import { expect, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"
import { checkpointWith, metadata } from "./CheckpointTestDatabase.ts"

layer(TestDatabase.layer)("CheckpointSaver", (it) => {
  it.effect("gives the writes of a superstep by code point of their tasks, however the database sorts", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const thread_id = randomUUID()
      const rolledBack = yield* Effect.gen(function* () {
        yield* sql`ALTER TABLE checkpoint_writes ALTER task_id TYPE text COLLATE "en-x-icu"`
        const ours = yield* CheckpointSaver.make
        const tuple = yield* Effect.promise(async () => {
          const config = await ours.put({ configurable: { thread_id } }, checkpointWith({}, {}), metadata, {})
          for (const task of ["b", "Ä", "A", "a", "B"])
            await ours.putWrites(
              config,
              [
                ["x", 1],
                ["y", 2]
              ],
              task
            )
          return ours.getTuple(config)
        })
        expect(tuple?.pendingWrites?.map(([task, channel]) => task + channel)).toEqual(
          ["A", "B", "a", "b", "Ä"].flatMap((task) => [`${task}x`, `${task}y`])
        )
        return yield* Effect.fail("rolled back")
      }).pipe(sql.withTransaction, Effect.flip)
      expect(rolledBack).toBe("rolled back")
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
      const all = yield* Stream.runCollect(Stream.fromAsyncIterable(ours.list({}), (error) => error))
      const migrated = all.filter(({ checkpoint }) => checkpoint.v === 1 && TASKS in checkpoint.channel_values)
      expect(migrated.map(({ checkpoint }) => checkpoint.channel_values[TASKS])).toEqual(
        threads.toReversed().map((id) => [id])
      )
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
        (saver) =>
          saver.put(config, checkpointWith({ messages: [], set: 1 }, { messages: 1 }), metadata, {
            messages: 1,
            set: 1,
            map: 1
          }),
        (saver) =>
          saver.putWrites(
            put,
            [
              ["a", 1],
              ["b", 2],
              ["c", 3]
            ],
            "task"
          ),
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
      const waiting = sql`SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE NOT l.granted AND d.datname = current_database()`
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
