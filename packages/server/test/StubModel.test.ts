import { assert, describe, expect, it, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema, Scope, Stream } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { StubModel } from "./StubModel.ts"
import { chatModel, invoke, listenTo, stream } from "./StubModelClient.ts"
import * as Reply from "./StubModelReply.ts"

// Under a TestClock that nobody moves: the stub keeps its own time.
layer(StubModel.layer)("StubModel", (it) => {
  const scripted = Effect.tap(StubModel, (stub) => stub.reset)

  it.effect("answers whole and streamed, with the usage it was given", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const usage = { promptTokens: 11, completionTokens: 22, cachedTokens: 3 }
      const counted = { input_tokens: 11, output_tokens: 22, input_token_details: { cache_read: 3 } }
      yield* stub.enqueue(Reply.text("one two three", { usage }), Reply.text(["on", "e"], { usage }))
      expect(yield* invoke(chatModel(stub.baseUrl))).toMatchObject({ text: "one two three", usage_metadata: counted })
      const chunks = yield* Stream.runCollect(stream(chatModel(stub.baseUrl)))
      assert.deepStrictEqual(
        chunks.map((chunk) => chunk.text).filter((text) => text !== ""),
        ["on", "e"]
      )
      expect(chunks.at(-1)).toMatchObject({ usage_metadata: counted })
    })
  )

  it.effect("answers from the queue first, then by the handler, which sees the request", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle((request, index) => Reply.text(`${index}: ${request.messages.at(-1)?.content}`))
      yield* stub.enqueue(Reply.text("queued"))
      const answers = yield* Effect.forEach(["a", "b"], (prompt) => invoke(chatModel(stub.baseUrl), prompt))
      assert.deepStrictEqual(
        answers.map((answer) => answer.text),
        ["queued", "1: b"]
      )
    })
  )

  it.effect("remembers what it was asked, with headers and body", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* invoke(chatModel(stub.baseUrl), "remember me")
      const [call] = yield* stub.calls
      expect(call).toMatchObject({
        index: 0,
        headers: { authorization: "Bearer sk-test" },
        request: { model: "gpt-4o-mini", messages: [{ role: "user", content: "remember me" }] }
      })
      assert.include(call?.body, "remember me")
      yield* stub.reset
      assert.deepStrictEqual(yield* stub.calls, [])
    })
  )

  it.effect("calls several tools at once, malformed arguments among them", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle(() =>
        Reply.toolCalls([
          { name: "web_search", arguments: { query: "a rather long query about otters" } },
          { name: "current_time", arguments: {} },
          { name: "web_search", arguments: "{query: otters}" }
        ])
      )
      const whole = yield* invoke(chatModel(stub.baseUrl))
      const [first, ...rest] = yield* Stream.runCollect(stream(chatModel(stub.baseUrl)))
      const streamed =
        first === undefined ? assert.fail("no chunks") : rest.reduce((sum, chunk) => sum.concat(chunk), first)
      for (const answer of [whole, streamed]) {
        expect(answer.tool_calls).toMatchObject([
          { name: "web_search", args: { query: "a rather long query about otters" } },
          { name: "current_time", args: {} }
        ])
        expect(answer.invalid_tool_calls).toMatchObject([{ name: "web_search", args: "{query: otters}" }])
        assert.strictEqual(new Set(answer.tool_calls?.map((call) => call.id)).size, 2)
      }
    })
  )

  it.effect("ends for length or by the content filter when told to", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      for (const finishReason of ["length", "content_filter"] as const) {
        yield* stub.enqueue(Reply.text("half an ans", { finishReason }))
        const chunks = yield* Stream.runCollect(stream(chatModel(stub.baseUrl)))
        assert.isTrue(chunks.some((chunk) => chunk.response_metadata["finish_reason"] === finishReason))
      }
    })
  )

  it.effect("goes on when a test lets it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const log: Array<string> = []
      const arrived = yield* Deferred.make<void>()
      yield* stub.enqueue(
        Reply.text(["a", "b"], {
          beforeHeaders: Effect.sync(() => void log.push("headers")),
          afterChunks: {
            count: 1,
            stop: Effect.andThen(
              Deferred.await(arrived),
              Effect.sync(() => void log.push("go on"))
            )
          }
        })
      )
      yield* stream(chatModel(stub.baseUrl)).pipe(
        Stream.filter((chunk) => chunk.text !== ""),
        Stream.runForEach((chunk) =>
          Effect.andThen(
            Effect.sync(() => log.push(chunk.text)),
            Deferred.succeed(arrived, undefined)
          )
        )
      )
      assert.deepStrictEqual(log, ["headers", "a", "go on", "b"])
    })
  )

  it.effect("keeps to its delays", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const delays = { delayBeforeHeaders: 30, delayBeforeFirstChunk: 20, delayBetweenChunks: 10 }
      yield* stub.enqueue(Reply.text("a b c", delays), Reply.text("a b c", delays))
      yield* Stream.runDrain(stream(chatModel(stub.baseUrl)))
      yield* invoke(chatModel(stub.baseUrl))
      for (const call of yield* stub.calls) {
        const { atMillis } = yield* call.ended
        // Node's timers count whole milliseconds and may fire one early.
        assert.isAtLeast(atMillis - call.atMillis, 30 + 20 + 2 * 10 - 4)
      }
    })
  )

  it.effect("counts the calls that were open at once", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const gate = yield* Deferred.make<void>()
      yield* stub.handle(() => Reply.text("a b", { afterChunks: { count: 1, stop: Deferred.await(gate) } }))
      const readers = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 20 }, () => listenTo(stub.baseUrl)),
          { concurrency: "unbounded" }
        )
      )
      const calls = yield* Effect.all(Array.from({ length: 20 }, () => stub.nextCall))
      assert.deepInclude(yield* stub.stats, { calls: 20, open: 20, maxOpen: 20 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(readers)
      yield* Effect.forEach(calls, (call) => call.ended)
      assert.deepInclude(yield* stub.stats, { open: 0, maxOpen: 20 })
    })
  )

  it.effect("sends an answer of many chunks whole", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(Reply.text(Array.from({ length: 20_000 }, () => "tok ")))
      const { brokenOff, texts } = yield* listenTo(stub.baseUrl)
      assert.deepStrictEqual([brokenOff, texts.length], [false, 20_000])
    })
  )
})

const Listening = Schema.fromJsonString(Schema.Struct({ baseUrl: Schema.String, pid: Schema.Int }))

describe("StubModel's life", () => {
  it.effect("ends with its scope, open calls too, and does not blame the client", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const stub = yield* Scope.provide(StubModel.make, scope)
      yield* stub.enqueue(Reply.hang)
      const reader = yield* Effect.forkChild(listenTo(stub.baseUrl))
      const call = yield* stub.nextCall
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* call.ended, { by: "stub" })
      assert.deepStrictEqual(yield* Fiber.join(reader), { texts: [], brokenOff: true })
    })
  )

  it.live(
    "runs as a process of its own",
    () =>
      Effect.gen(function* () {
        const child = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, [`${import.meta.dirname}/stub-model.ts`, "--tokens", "5"], {
              env: { STUB_DELAY_BETWEEN_CHUNKS: "1" },
              stdio: ["ignore", "pipe", "inherit"]
            })
          ),
          (child) => Effect.promise(() => (child.kill(), once(child, "exit")))
        )
        const [line] = yield* Effect.promise(() => once(createInterface({ input: child.stdout }), "line"))
        const { baseUrl } = yield* Schema.decodeUnknownEffect(Listening)(line)
        assert.deepStrictEqual((yield* listenTo(baseUrl)).texts, ["w0 ", "w1 ", "w2 ", "w3 ", "w4 "])
      }),
    20_000
  )
})
