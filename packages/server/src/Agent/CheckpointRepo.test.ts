import { describe, expect, layer } from "@effect/vitest"
import { Array, Effect, Exit, Option, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import type { BlobRow, CheckpointRow, ThreadRows, WriteRow } from "./CheckpointRows.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"
import { contents } from "./CheckpointTestDatabase.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

const checkpoint = (checkpoint_id: string, versions: Record<string, number>, checkpoint_ns = ""): CheckpointRow => ({
  checkpoint_ns,
  checkpoint_id,
  parent_checkpoint_id: null,
  checkpoint: JSON.stringify({ v: 4, id: checkpoint_id, channel_versions: versions }),
  metadata: "{}"
})

const blob = (channel: string, version: number, checkpoint_ns = ""): BlobRow => ({
  checkpoint_ns,
  channel,
  version: String(version),
  type: "json",
  blob: bytes(`"${channel}${version}"`)
})

const write = (checkpoint_id: string, task_id: string, checkpoint_ns = ""): WriteRow => ({
  checkpoint_ns,
  checkpoint_id,
  task_id,
  idx: 0,
  channel: "a",
  type: "json",
  blob: bytes("1")
})

/** Two checkpoints of which the second carries over `a`, and a subgraph beside them. */
const history = (thread_id: string): ThreadRows => ({
  thread_id,
  checkpoints: [checkpoint("1", { a: 1, b: 1 }), checkpoint("2", { a: 1, b: 2 }), checkpoint("1", { a: 1 }, "sub")],
  blobs: [blob("a", 1), blob("b", 1), blob("b", 2), blob("orphan", 9), blob("a", 1, "sub")],
  writes: [write("1", "old"), write("2", "new"), write("1", "sub", "sub")]
})

/** The turn after it: `b` changes, `c` comes without a value. */
const turn = (thread_id: string, checkpoint_id = "3"): ThreadRows => ({
  thread_id,
  checkpoints: [checkpoint(checkpoint_id, { a: 1, b: 3, c: 3 })],
  blobs: [blob("b", 3), { ...blob("c", 3), type: "empty", blob: null }],
  writes: [write(checkpoint_id, "interrupted")]
})

const subgraph = ["sub 1", "sub a@1", "sub 1 sub 0"]
const committed = new Set([" 3", " a@1", " b@3", " c@3", " 3 interrupted 0", ...subgraph])

describe("CheckpointRepo", () => {
  layer(TestDatabase.layer)((it) => {
    it.effect("prunes to the latest checkpoint of each namespace, the versions it names and its writes", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const [threadId, other] = [randomUUID(), randomUUID()]
        yield* repo.write(history(threadId))
        yield* repo.write(history(other))
        const untouched = yield* contents(other)
        yield* repo.prune(threadId)
        expect(yield* contents(threadId)).toEqual(new Set([" 2", " a@1", " b@2", " 2 new 0", ...subgraph]))
        expect(yield* contents(other)).toEqual(untouched)
        expect(untouched.size).toBe(11)
      })
    )

    it.effect("commits a checkpoint in place of the ones before it in its namespace", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        yield* repo.write(history(threadId))
        yield* repo.commit(turn(threadId))
        expect(yield* contents(threadId)).toEqual(committed)
      })
    )

    it.effect("commits a checkpoint whose id looks older, made by a server whose clock is behind", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        yield* repo.write(history(threadId))
        yield* repo.commit(turn(threadId, "0"))
        expect(yield* contents(threadId)).toEqual(
          new Set([" 0", " a@1", " b@3", " c@3", " 0 interrupted 0", ...subgraph])
        )
      })
    )

    it.effect("commits the same twice as once", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        yield* repo.commit(turn(threadId))
        const once = yield* contents(threadId)
        expect(yield* Effect.andThen(repo.commit(turn(threadId)), contents(threadId))).toEqual(once)
      })
    )

    it.effect("commits as part of another statement, unless its fence is empty", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const sql = yield* SqlClient.SqlClient
        const threadId = randomUUID()
        yield* repo.write(history(threadId))
        const commitIf = (condition: string) =>
          sql`WITH fence AS (SELECT WHERE ${sql.literal(condition)}), ${repo.committing(turn(threadId), "fence")} SELECT 1`
        yield* commitIf("false")
        expect((yield* contents(threadId)).size).toBe(11)
        yield* commitIf("true")
        expect(yield* contents(threadId)).toEqual(committed)
      })
    )

    it.effect.prop(
      "leaves after commits what writes and one prune leave",
      {
        turns: Schema.Array(Schema.Array(Schema.Literals(["a", "b", "c"]))).check(
          Schema.isMinLength(1),
          Schema.isMaxLength(6)
        )
      },
      ({ turns }) =>
        Effect.gen(function* () {
          const repo = yield* CheckpointRepo
          const [ours, written] = [randomUUID(), randomUUID()]
          const versions: Record<string, number> = {}
          for (const [index, channels] of turns.entries()) {
            for (const channel of channels) versions[channel] = index
            const rows = {
              checkpoints: [checkpoint(`${index}`, versions)],
              blobs: Array.dedupe(channels).map((channel) => blob(channel, index)),
              writes: [write(`${index}`, "task")]
            }
            yield* repo.commit({ ...rows, thread_id: ours })
            yield* repo.write({ ...rows, thread_id: written })
          }
          yield* repo.prune(written)
          expect(yield* contents(ours)).toEqual(yield* contents(written))
          expect((yield* contents(ours)).size).toBe(2 + Object.keys(versions).length)
        }),
      { arbitrary: { runs: 40 } }
    )

    it.effect("keeps what a task wrote first, but lets errors and interrupts give way to later ones", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        const rows = (text: string): ThreadRows => ({
          thread_id: threadId,
          checkpoints: [checkpoint("1", {})],
          blobs: [],
          writes: [0, -1].map((idx) => ({ ...write("1", "task"), idx, blob: bytes(text) }))
        })
        yield* repo.write(rows("first"))
        yield* repo.write(rows("second"))
        const loaded = Option.getOrThrow(yield* repo.load({ thread_id: threadId, checkpoint_ns: "" }))
        expect(loaded.writes.map((row) => [row.idx, new TextDecoder().decode(row.blob)])).toEqual([
          [-1, "second"],
          [0, "first"]
        ])
      })
    )

    it.effect("deletes the threads it is told, with all their namespaces, and no other", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const [one, two, other] = [randomUUID(), randomUUID(), randomUUID()]
        for (const threadId of [one, two, other]) yield* repo.write(history(threadId))
        yield* repo.deleteThreads([one, two])
        yield* repo.deleteThreads([])
        expect([...(yield* contents(one)), ...(yield* contents(two))]).toEqual([])
        expect((yield* contents(other)).size).toBe(11)
      })
    )

    it.effect("leaves nothing behind when the caller's transaction is rolled back", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        yield* repo.write(history(threadId))
        const before = yield* contents(threadId)
        const exit = yield* Effect.gen(function* () {
          yield* repo.commit(turn(threadId))
          expect(yield* contents(threadId)).not.toEqual(before)
          return yield* Effect.fail("the lease was lost")
        }).pipe(sql.withTransaction, Effect.exit)
        expect(Exit.isFailure(exit)).toBe(true)
        expect(yield* contents(threadId)).toEqual(before)
      })
    )

    it.effect("shows others nothing of a transaction until it is committed", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        const outside = yield* Effect.context<SqlClient.SqlClient>()
        yield* Effect.gen(function* () {
          yield* repo.commit(turn(threadId))
          const seen = yield* Effect.promise(() => Effect.runPromiseWith(outside)(contents(threadId)))
          expect(seen).toEqual(new Set())
        }).pipe(sql.withTransaction)
        expect((yield* contents(threadId)).size).toBe(4)
      })
    )

    it.effect("sends one statement whatever it does", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const thread_id = randomUUID()
        const operations = [
          repo.write(history(thread_id)),
          repo.commit(turn(thread_id)),
          repo.load({ thread_id, checkpoint_ns: "" }),
          repo.list({ thread_id }),
          repo.prune(thread_id),
          repo.deleteThreads([thread_id, randomUUID()])
        ]
        for (const operation of operations) {
          expect(
            (yield* TestDatabase.countStatements(Effect.asVoid<unknown, unknown, never>(operation))).statements
          ).toBe(1)
        }
      })
    )

    it.effect("stays readable under commits at the same time, and is tidy after the next one", () =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const threadId = randomUUID()
        yield* repo.write(history(threadId))
        const commits = Array.range(10, 40).map((n) =>
          repo.commit({ ...turn(threadId, `${n}`), blobs: [blob("b", 3)] })
        )
        yield* Effect.all([...commits, repo.prune(threadId)], { concurrency: "unbounded" })
        const loaded = Option.getOrThrow(yield* repo.load({ thread_id: threadId, checkpoint_ns: "" }))
        expect(loaded.blobs.map((row) => row.channel).toSorted()).toEqual(["a", "b"])
        yield* repo.commit({ ...turn(threadId, "99"), writes: [] })
        expect(yield* contents(threadId)).toEqual(new Set([" 99", " a@1", " b@3", " c@3", ...subgraph]))
      })
    )
  })
})
