import { assert, layer } from "@effect/vitest"
import { Console, Effect, Fiber, Latch, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { OtlpReceiver, type ReceivedSpan } from "../../test/OtlpReceiver.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { newcomer, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import * as TracedServer from "../../test/TracedServer.ts"
import { asked, paths, turn } from "../../test/TracedServer.ts"
import { print, shape } from "../../test/traceTree.ts"

/** As a tree, and printed in full where a person runs the test with TRACES=print. */
const treeOf = Effect.fnUntraced(function* (requestId: string, other?: string) {
  const { trace } = yield* OtlpReceiver
  const spans = yield* trace(paths.otlp, requestId, other)
  if (process.env["TRACES"] === "print") yield* Console.log(print(spans))
  return { spans, tree: shape(spans) }
})

/** Everything that a receiver was told of a trace. */
const told = (spans: ReadonlyArray<ReceivedSpan>) =>
  JSON.stringify(spans, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))

const isWithin = (inner: ReceivedSpan, outer: ReceivedSpan) =>
  inner.startedAtNanos >= outer.startedAtNanos && inner.endedAtNanos <= outer.endedAtNanos

const toolThenText = Effect.gen(function* () {
  const stub = yield* StubModel
  yield* stub.reset
  yield* stub.enqueue(Reply.toolCalls([{ name: "current_time", arguments: {} }]), Reply.text(["It is ", "late."]))
})

/** What a turn with a tool consists of, whoever listens to it. */
const turnWithTool = [
  "Turns.take",
  "  WITH postgresql",
  "  Turns.ask",
  "    Graph.run",
  "      SELECT postgresql",
  "      Graph.agent",
  "        Model.answer",
  "          chat gpt-4o-mini",
  "      Graph.tools",
  "        execute_tool current_time",
  "      Graph.agent",
  "        Model.answer",
  "          chat gpt-4o-mini",
  "    Turns.commit",
  "      WITH postgresql"
]
const indented = (lines: ReadonlyArray<string>, by: number) => lines.map((line) => `${"  ".repeat(by)}${line}`)

layer(TracedServer.layerWith(), { excludeTestServices: true })("the trace of a turn", (it) => {
  it.effect("is one tree, from the request through the graph to the model, the tool and the database", () =>
    Effect.gen(function* () {
      yield* toolThenText
      const { requestId } = yield* turn(yield* newcomer, "/v1/chat", "What time is it?")
      const { tree } = yield* treeOf(requestId)
      assert.deepStrictEqual(tree, ["POST /api/v1/chat", ...indented(turnWithTool, 1)])
    })
  )

  it.effect("is the same when it is streamed, and the request lasts as long as its stream", () =>
    Effect.gen(function* () {
      yield* toolThenText
      const { requestId, text } = yield* turn(yield* newcomer, "/v1/chat/stream", "What time is it?")
      assert.include(text, "event: done")
      const { spans, tree } = yield* treeOf(requestId)
      assert.deepStrictEqual(tree, ["POST /api/v1/chat/stream", "  Sse.respond", ...indented(turnWithTool, 2)])
      const request = spans.find(({ name }) => name.startsWith("POST"))
      for (const span of spans) assert.isTrue(request !== undefined && isWithin(span, request), span.name)
    })
  )

  it.effect("of one that is cancelled has ended, and says so at each level", () =>
    Effect.gen(function* () {
      const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
      const person = yield* newcomer
      yield* stub.enqueue(Reply.hang)
      const waiting = yield* Effect.forkChild(turn(person, "/v1/chat", "Hello"))
      yield* stub.nextCall
      yield* asked("POST", `/v1/chat/sessions/${person.session_id}/cancel`, { token: person.token })
      const { requestId, status } = yield* Fiber.join(waiting)
      assert.strictEqual(status, 409)
      const { tree } = yield* treeOf(requestId)
      assert.deepStrictEqual(tree, [
        "POST /api/v1/chat",
        "  Turns.take [error: The turn was cancelled]",
        "    WITH postgresql",
        "    Turns.ask [error: Interrupted]",
        "      Graph.run [error: Interrupted]",
        "        SELECT postgresql",
        "        Graph.agent [error: Interrupted]",
        "          Model.answer [error: Interrupted]",
        "            chat gpt-4o-mini [error: Interrupted]",
        "    WITH postgresql",
        "    WITH postgresql"
      ])
    })
  )

  it.effect("of one whose listener goes away has ended, too", () =>
    Effect.gen(function* () {
      const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text(["one ", "two "], { afterChunks: { count: 1, stop: "hang" } }))
      const { fetch } = yield* TestServer
      const id = randomUUID()
      const response = yield* fetch("POST", "/v1/chat/stream", {
        token: person.token,
        headers: { "x-request-id": id },
        body: { session_id: person.session_id, content: "Hello" }
      })
      yield* Effect.promise(() => response.body?.cancel() ?? Promise.resolve())
      const { spans, tree } = yield* treeOf(id)
      assert.strictEqual(tree[0], "POST /api/v1/chat/stream [error: The client went away]")
      assert.strictEqual(
        tree.find((line) => line.includes("chat gpt"))?.trim(),
        "chat gpt-4o-mini [error: Interrupted]"
      )
      // What it took until then is known all the same.
      const call = spans.find(({ name }) => name === "chat gpt-4o-mini")
      assert.isNumber(call?.attributes["gen_ai.usage.input_tokens"])
      assert.isNumber(call?.attributes["gen_ai.response.time_to_first_chunk"])
    })
  )

  it.effect("is one trace also when the turn outlives its request", () =>
    Effect.gen(function* () {
      const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
      const person = yield* newcomer
      const { fetch } = yield* TestServer
      const gate = yield* Latch.make()
      yield* stub.enqueue(Reply.text(["late ", "answer"], { beforeHeaders: gate.await }))
      const id = randomUUID()
      const client = yield* Effect.forkChild(
        fetch("POST", "/v1/chat", {
          token: person.token,
          headers: { "x-request-id": id },
          body: { session_id: person.session_id, content: "Hello", on_disconnect: "continue" }
        })
      )
      yield* stub.nextCall
      yield* Fiber.interrupt(client)
      yield* treeOf(id)
      yield* gate.open
      yield* transcript(person).pipe(Effect.repeat({ until: (all) => all.length === 2, schedule: Schedule.spaced(20) }))
      const { tree } = yield* treeOf(id, "Turns.ask")
      assert.strictEqual(tree[0], "POST /api/v1/chat [error: The client went away]")
      assert.strictEqual(tree[1], "  Turns.take [error: Interrupted]")
      assert.notInclude(tree.slice(2).join("\n"), "error")
      assert.include(tree, "      Turns.commit")
    })
  )

  it.effect("of one that fails has each attempt, with our words for what went wrong", () =>
    Effect.gen(function* () {
      const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
      yield* stub.enqueue(
        Reply.refusal({ status: 500, message: "the treasure burns" }),
        Reply.refusal({ status: 400, message: "no word of the treasure" })
      )
      const { requestId, status } = yield* turn(yield* newcomer, "/v1/chat", "Where is the treasure?")
      assert.strictEqual(status, 502)
      const { spans, tree } = yield* treeOf(requestId)
      assert.deepStrictEqual(tree, [
        "POST /api/v1/chat [error: Status 502]",
        "  Turns.take [error: The model refused the request]",
        "    WITH postgresql",
        "    Turns.ask [error: The model refused the request]",
        "      Graph.run [error: The model refused the request]",
        "        SELECT postgresql",
        "        Graph.agent [error: The model refused the request]",
        "          Model.answer [error: The model refused the request]",
        "            chat gpt-4o-mini [error: The model failed to answer]",
        "            chat gpt-4o-mini [error: The model refused the request]",
        "    WITH postgresql"
      ])
      assert.notInclude(told(spans), "treasure")
    })
  )

  it.effect("has the summary in it that is written beside the answer", () =>
    Effect.gen(function* () {
      yield* Effect.tap(StubModel, (stub) => stub.reset)
      const person = yield* newcomer
      let requestId = ""
      for (let said = 0; said < 8; said++) ({ requestId } = yield* turn(person, "/v1/chat", `Word ${said}`))
      const { tree } = yield* treeOf(requestId)
      assert.includeMembers(
        [...tree],
        [
          "          Summary.write",
          "            Model.answer",
          "              chat gpt-4o-mini",
          "        Graph.condense"
        ]
      )
    })
  )
})
