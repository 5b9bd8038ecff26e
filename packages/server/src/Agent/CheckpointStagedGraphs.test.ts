import { AIMessage } from "@langchain/core/messages"
import {
  Annotation,
  Command,
  MemorySaver,
  MessagesDeltaValue,
  START,
  StateGraph,
  StateSchema,
  interrupt
} from "@langchain/langgraph"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import { expect, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { randomUUID } from "node:crypto"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { stage } from "./CheckpointStaging.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

/** What the agent does not use today, but a graph may. */
layer(TestDatabase.layer)("a staged saver under other graphs", (it) => {
  it.effect("keeps an interrupt, and the answer to it, across turns", () =>
    Effect.gen(function* () {
      const repo = yield* CheckpointRepo
      const threadId = randomUUID()
      const graphOn = (checkpointer: BaseCheckpointSaver) =>
        new StateGraph(Annotation.Root({ answers: Annotation<ReadonlyArray<string>> }))
          .addNode("ask", () => ({ answers: [String(interrupt("one?")), String(interrupt("two?"))] }))
          .addEdge(START, "ask")
          .compile({ checkpointer })
      const run = Effect.fnUntraced(function* (input: Parameters<ReturnType<typeof graphOn>["invoke"]>[0]) {
        const { saver, staged } = yield* stage(threadId)
        const result = yield* Effect.promise(() =>
          graphOn(saver).invoke(input, { configurable: { thread_id: threadId }, durability: "exit" })
        )
        yield* repo.commit(Option.getOrThrow(staged()))
        return result
      })
      yield* run({ answers: [] })
      yield* run(new Command({ resume: "1" }))
      expect(yield* run(new Command({ resume: "2" }))).toEqual({ answers: ["1", "2"] })
      // One checkpoint, and the three channels it names.
      expect((yield* TestDatabase.contents(threadId)).size).toBe(4)
    })
  )

  it.effect("keeps the memory of a subgraph that has one", () =>
    Effect.gen(function* () {
      const repo = yield* CheckpointRepo
      const threadId = randomUUID()
      const Count = Annotation.Root({ count: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }) })
      const run = Effect.fnUntraced(function* (checkpointer: BaseCheckpointSaver) {
        const counter = new StateGraph(Count)
          .addNode("one", () => ({ count: 1 }))
          .addEdge(START, "one")
          .compile({ checkpointer: true })
        const graph = new StateGraph(Annotation.Root({ seen: Annotation<number> }))
          .addNode("counter", async (_, config) => ({ seen: (await counter.invoke({}, config)).count }))
          .addEdge(START, "counter")
          .compile({ checkpointer })
        return yield* Effect.promise(() =>
          graph.invoke({ seen: 0 }, { configurable: { thread_id: threadId }, durability: "exit" })
        )
      })
      const memory = new MemorySaver()
      for (const seen of [1, 2, 3]) {
        const { saver, staged } = yield* stage(threadId)
        expect(yield* run(saver)).toEqual({ seen })
        expect(yield* run(memory)).toEqual({ seen })
        yield* repo.commit(Option.getOrThrow(staged()))
      }
      const namespaces = (yield* repo.list({ thread_id: threadId })).map((stored) => stored.checkpoint_ns)
      expect(new Set(namespaces)).toEqual(new Set(["", "counter"]))
    })
  )

  it.effect("is refused for another thread, for deleting, and for channels that need their whole history", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      const { saver } = yield* stage(threadId)
      const graph = new StateGraph(new StateSchema({ messages: MessagesDeltaValue }))
        .addNode("agent", () => ({ messages: [new AIMessage("hi")] }))
        .addEdge(START, "agent")
        .compile({ checkpointer: saver })
      const config = { configurable: { thread_id: threadId } }
      const others = { configurable: { thread_id: randomUUID(), checkpoint_id: "1" } }
      yield* Effect.promise(async () => {
        await expect(saver.getTuple(others)).rejects.toThrow(/is for thread/)
        await expect(saver.putWrites(others, [], "task")).rejects.toThrow(/is for thread/)
        await expect(saver.deleteThread(threadId)).rejects.toThrow(/deletes nothing/)
        await expect(graph.invoke({ messages: [] }, { ...config, durability: "exit" })).rejects.toThrow(/DeltaChannel/)
      })
    })
  )
})
