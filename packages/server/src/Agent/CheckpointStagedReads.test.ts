import {
  type BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointTuple,
  ERROR,
  INTERRUPT,
  copyCheckpoint,
  emptyCheckpoint,
  uuid6
} from "@langchain/langgraph-checkpoint"
import { expect, layer } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import { stage } from "./CheckpointStaging.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

const source = { source: "loop", step: 0, parents: {} } as const
const at = (thread_id: string, checkpoint_ns: string, checkpoint_id?: string) => ({
  configurable: { thread_id, checkpoint_ns, ...(checkpoint_id === undefined ? {} : { checkpoint_id }) }
})

const Namespace = Schema.Literals(["", "sub"])
const Put = Schema.Struct({
  namespace: Namespace,
  changed: Schema.Array(Schema.Literals(["a", "b", "c"])),
  emptied: Schema.Boolean
})
const Write = Schema.Struct({
  namespace: Namespace,
  task: Schema.Literals(["t", "T", "ä"]),
  channels: Schema.Array(Schema.Literals(["a", "b", ERROR, INTERRUPT])).check(Schema.isMaxLength(3))
})
const Steps = Schema.Array(Schema.Union([Put, Write])).check(Schema.isMaxLength(8))

interface Target {
  readonly saver: BaseCheckpointSaver
  readonly thread_id: string
}

/** Does the same to several savers, each with a thread of its own. */
const same = (targets: ReadonlyArray<Target>) => {
  const latest = new Map<string, Checkpoint>()
  const ids: Array<readonly [namespace: string, id: string]> = []
  let value = 0
  const put = async ({ changed, emptied, namespace }: typeof Put.Type) => {
    const before = latest.get(namespace)
    const next = { ...copyCheckpoint(before ?? emptyCheckpoint()), id: uuid6(0) }
    for (const channel of changed) {
      next.channel_versions[channel] = Number(next.channel_versions[channel] ?? 0) + 1
      if (emptied) delete next.channel_values[channel]
      else next.channel_values[channel] = { value: value++ }
    }
    const newVersions = Object.fromEntries(changed.map((channel) => [channel, next.channel_versions[channel] ?? 0]))
    for (const { saver, thread_id } of targets) {
      await saver.put(at(thread_id, namespace, before?.id), copyCheckpoint(next), source, newVersions)
    }
    latest.set(namespace, next)
    ids.push([namespace, next.id])
  }
  const write = async ({ channels, namespace, task }: typeof Write.Type) => {
    const { id } = latest.get(namespace) ?? {}
    if (id === undefined) return
    for (const { saver, thread_id } of targets) {
      await saver.putWrites(
        at(thread_id, namespace, id),
        channels.map((channel) => [channel, value]),
        task
      )
    }
    value++
  }
  return { ids, apply: (step: (typeof Steps.Type)[number]) => ("task" in step ? write(step) : put(step)) }
}

/** What a saver gives for the latest checkpoints and for those with the ids, without its thread's own id. */
const view = async (saver: BaseCheckpointSaver, thread_id: string, ids: ReadonlyArray<readonly [string, string]>) => {
  const configs = [
    at(thread_id, ""),
    at(thread_id, "sub"),
    ...ids.map(([namespace, id]) => at(thread_id, namespace, id))
  ]
  const tuples: ReadonlyArray<CheckpointTuple | undefined> = await Promise.all(
    configs.map((config) => saver.getTuple(config))
  )
  const plain: unknown = JSON.parse(JSON.stringify(tuples).replaceAll(thread_id, "thread"))
  return plain
}

layer(TestDatabase.layer)("a staged saver", (it) => {
  it.effect.prop(
    "reads what a live one reads that was given the same, and commits what that one keeps when pruned",
    { before: Steps, during: Steps },
    ({ before, during }) =>
      Effect.gen(function* () {
        const repo = yield* CheckpointRepo
        const live = yield* CheckpointSaver.make
        const [stored, thread_id] = [randomUUID(), randomUUID()]
        const { saver, staged } = yield* stage(thread_id)
        const targets: Array<Target> = [
          { saver: live, thread_id: stored },
          { saver: live, thread_id }
        ]
        const { apply, ids } = same(targets)
        yield* Effect.promise(async () => {
          for (const step of before) await apply(step)
        })
        for (const { thread_id } of targets) yield* repo.prune(thread_id)
        const start = yield* TestDatabase.contents(thread_id)
        targets[1] = { saver, thread_id }
        yield* Effect.promise(async () => {
          expect(await view(saver, thread_id, ids)).toEqual(await view(live, stored, ids))
          for (const step of during) await apply(step)
          expect(await view(saver, thread_id, ids)).toEqual(await view(live, stored, ids))
        })
        expect(yield* TestDatabase.contents(thread_id)).toEqual(start)
        yield* Option.match(staged(), { onNone: () => Effect.void, onSome: repo.commit })
        yield* repo.prune(stored)
        expect(yield* TestDatabase.contents(thread_id)).toEqual(yield* TestDatabase.contents(stored))
        yield* Effect.promise(async () => {
          expect(await view(live, thread_id, [])).toEqual(await view(live, stored, []))
        })
      }),
    { arbitrary: { runs: 60 }, timeout: 30_000 }
  )

  it.effect("reads each checkpoint once", () =>
    Effect.gen(function* () {
      const thread_id = randomUUID()
      const live = yield* CheckpointSaver.make
      const checkpoint = emptyCheckpoint()
      yield* Effect.promise(() => live.put(at(thread_id, ""), checkpoint, source, {}))
      const { statements } = yield* TestDatabase.countStatements(
        Effect.gen(function* () {
          const { saver } = yield* stage(thread_id)
          for (const config of [at(thread_id, ""), at(thread_id, ""), at(thread_id, "", checkpoint.id)]) {
            expect((yield* Effect.promise(() => saver.getTuple(config)))?.checkpoint).toEqual(checkpoint)
          }
        })
      )
      expect(statements).toBe(1)
    })
  )
})
