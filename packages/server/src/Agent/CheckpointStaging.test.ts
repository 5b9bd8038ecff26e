import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { END, MessagesValue, START, StateGraph, StateSchema } from "@langchain/langgraph"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import { expect, layer, vi } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { CheckpointSaver } from "./CheckpointSaver.ts"
import { stage } from "./CheckpointStaging.ts"
import * as TestDatabase from "./CheckpointTestDatabase.ts"

const State = new StateSchema({ messages: MessagesValue })

/** Answers; uses a tool when asked to "use"; breaks down when asked to "fail", or when the tool was asked to. */
const agentOn = (checkpointer: BaseCheckpointSaver) =>
  new StateGraph(State)
    .addNode("agent", ({ messages }) => {
      const last = messages.at(-1)
      if (last?.text === "fail") throw new Error("the model failed")
      const calls = last?.text.startsWith("use") ? [{ id: "call", name: "tool", args: { with: last.text } }] : []
      return { messages: [new AIMessage({ content: calls.length > 0 ? "" : `${messages.length}`, tool_calls: calls })] }
    })
    .addNode("tools", ({ messages }) => {
      if (messages.at(-2)?.text === "use and fail") throw new Error("the tool failed")
      return { messages: [new ToolMessage({ tool_call_id: "call", content: "done" })] }
    })
    .addEdge(START, "agent")
    .addConditionalEdges("agent", ({ messages }) => (lastCalls(messages.at(-1)) ? "tools" : END), ["tools", END])
    .addEdge("tools", "agent")
    .compile({ checkpointer })

const lastCalls = (message: unknown) => AIMessage.isInstance(message) && (message.tool_calls ?? []).length > 0

const ask = (checkpointer: BaseCheckpointSaver, thread_id: string, content: string) =>
  Effect.tryPromise((signal) =>
    agentOn(checkpointer).invoke(
      { messages: [new HumanMessage({ content })] },
      { signal, configurable: { thread_id }, durability: "exit" }
    )
  )

/** A turn as the server runs it: ask, and commit what was staged if that went well. */
const turn = Effect.fnUntraced(function* (thread_id: string, content: string) {
  const repo = yield* CheckpointRepo
  const { saver, staged } = yield* stage(thread_id)
  const calls = (["getTuple", "list", "put", "putWrites"] as const).map(
    (name) => [name, vi.spyOn(saver, name)] as const
  )
  const { messages } = yield* ask(saver, thread_id, content)
  yield* repo.commit(Option.getOrThrow(staged()))
  return {
    messages: messages.map((message) => message.text),
    calls: Object.fromEntries(calls.map(([name, spy]) => [name, spy.mock.calls.length]))
  }
})

const rowsOf = Effect.fnUntraced(function* (threadId: string) {
  const sql = yield* SqlClient.SqlClient
  const [counts] = yield* sql`SELECT
    (SELECT count(*)::int FROM checkpoints WHERE thread_id = ${threadId}) AS checkpoints,
    (SELECT count(*)::int FROM checkpoint_blobs WHERE thread_id = ${threadId}) AS blobs,
    (SELECT count(*)::int FROM checkpoint_writes WHERE thread_id = ${threadId}) AS writes`
  return counts
})

layer(TestDatabase.layer)("a staged turn", (it) => {
  it.effect("reads once, saves once, and takes two statements", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      for (const content of ["first", "plain", "use it"]) {
        const { result, statements } = yield* TestDatabase.countStatements(turn(threadId, content))
        expect(result.calls).toEqual({ getTuple: 1, list: 0, put: 1, putWrites: 0 })
        expect(statements).toBe(2)
      }
      const { messages } = yield* turn(threadId, "last")
      expect(messages).toEqual(["first", "1", "plain", "3", "use it", "", "done", "7", "last", "9"])
    })
  )

  it.effect("leaves as many rows after any turn as after the first", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      yield* turn(threadId, "first")
      const first = yield* rowsOf(threadId)
      expect(first).toMatchObject({ checkpoints: 1, writes: 0 })
      yield* turn(threadId, "use it")
      yield* turn(threadId, "again")
      const last = yield* rowsOf(threadId)
      expect(last).toEqual({ ...first, blobs: 4 })
    })
  )

  it.effect("leaves a state that PostgresSaver and the live saver go on from", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      yield* turn(threadId, "use it")
      yield* ask(yield* TestDatabase.Theirs, threadId, "theirs")
      yield* ask(yield* CheckpointSaver.make, threadId, "live")
      const { messages } = yield* turn(threadId, "staged")
      expect(messages).toEqual(["use it", "", "done", "3", "theirs", "5", "live", "7", "staged", "9"])
      expect(yield* rowsOf(threadId)).toMatchObject({ checkpoints: 1, writes: 0 })
    })
  )

  it.effect.each(["fail", "use and fail"])("writes nothing when it fails (%s), and can be repeated", (content) =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      yield* turn(threadId, "first")
      const before = yield* rowsOf(threadId)
      const attempt = yield* stage(threadId)
      const [put, putWrites] = [vi.spyOn(attempt.saver, "put"), vi.spyOn(attempt.saver, "putWrites")]
      const exit = yield* Effect.exit(ask(attempt.saver, threadId, content))
      expect(Exit.isFailure(exit)).toBe(true)
      // LangGraph does save a failed run: it is the turn that must not commit it.
      expect([put.mock.calls.length, putWrites.mock.calls.length]).toEqual([1, 1])
      expect(Option.isSome(attempt.staged())).toBe(true)
      expect(yield* rowsOf(threadId)).toEqual(before)
      expect((yield* turn(threadId, "second")).messages).toEqual(["first", "1", "second", "3"])
    })
  )

  it.effect("writes nothing when it is aborted", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      const { saver } = yield* stage(threadId)
      const graph = new StateGraph(State)
        .addNode("agent", () => new Promise<{}>(() => {}))
        .addEdge(START, "agent")
        .compile({ checkpointer: saver })
      const reason = yield* Effect.promise(() =>
        graph
          .invoke(
            { messages: [] },
            { signal: AbortSignal.timeout(50), configurable: { thread_id: threadId }, durability: "exit" }
          )
          .then(
            () => "finished",
            (error: Error) => error.name
          )
      )
      expect(reason).toBe("TimeoutError")
      expect(yield* rowsOf(threadId)).toEqual({ checkpoints: 0, blobs: 0, writes: 0 })
    })
  )

  it.effect("commits with the rest of the turn's transaction or not at all", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* CheckpointRepo
      const threadId = randomUUID()
      yield* turn(threadId, "first")
      const before = yield* rowsOf(threadId)
      const { saver, staged } = yield* stage(threadId)
      yield* ask(saver, threadId, "use it")
      const commit = repo.commit(Option.getOrThrow(staged()))
      yield* commit.pipe(Effect.andThen(sql`SELECT 1/0`), sql.withTransaction, Effect.exit)
      expect(yield* rowsOf(threadId)).toEqual(before)
      yield* sql.withTransaction(commit)
      expect((yield* turn(threadId, "last")).messages).toEqual(["first", "1", "use it", "", "done", "5", "last", "7"])
    })
  )

  it.effect("keeps what it puts for its own later reads, as a saver does", () =>
    Effect.gen(function* () {
      const threadId = randomUUID()
      yield* turn(threadId, "first")
      const { saver } = yield* stage(threadId)
      yield* ask(saver, threadId, "second")
      const { messages } = yield* ask(saver, threadId, "third")
      expect(messages.map((message) => message.text)).toEqual(["first", "1", "second", "3", "third", "5"])
    })
  )
})
