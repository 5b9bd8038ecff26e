import { assert, expect, describe, it } from "@effect/vitest"
import { AIMessageChunk, type AIMessageChunkFields, ChatMessageChunk, HumanMessage } from "@langchain/core/messages"
import { ChatGenerationChunk } from "@langchain/core/outputs"
import { Deferred, Duration, Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import type { ModelUsage } from "./Agent.ts"
import * as ModelCall from "./ModelCall.ts"

const chunk = (fields: AIMessageChunkFields, generationInfo: Record<string, unknown> = {}) => {
  const message = new AIMessageChunk(fields)
  return new ChatGenerationChunk({ message, text: message.text, generationInfo })
}
const text = (content: string) => chunk({ content })
const part = (args: string) =>
  chunk({ content: "", tool_call_chunks: [{ name: "f", args, id: "call_1", index: 0, type: "tool_call_chunk" }] })
const end = (finish_reason = "stop", model_name = "gpt-4o-mini-2024-07-18", content = "") =>
  chunk({ content }, { finish_reason, model_name })
const ending = (content: string, finish_reason: string) => chunk({ content }, { finish_reason })
const other = (content: string, finish_reason?: string) => chunk({ content }, { completion: 1, finish_reason })
const generic = (content: string) =>
  new ChatGenerationChunk({ message: new ChatMessageChunk({ content, role: "" }), text: content })
const count = (input_tokens: number, output_tokens: number) => {
  const usage_metadata = { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens }
  const message = Object.assign(new AIMessageChunk(""), { usage_metadata })
  return new ChatGenerationChunk({ message, text: "" })
}
const counted = count(7, 8)
const absurd = count(2 ** 31, 8)
const miscounted = count(Number.NaN, 0.5)

/** A model in memory: says what is offered to it, and tells when it is asked for more. */
const scripted = Effect.gen(function* () {
  const chunks = yield* Queue.unbounded<ChatGenerationChunk | "end" | Error>()
  let asked = 0
  let awaited = { goal: Infinity, reached: Deferred.makeUnsafe<void>() }
  let aborted = false
  const chat: ModelCall.Chat = {
    model: "gpt-4o-mini",
    stream: (_, signal) => {
      signal.addEventListener("abort", () => (aborted = true))
      const next = async (): Promise<IteratorResult<ChatGenerationChunk>> => {
        if (++asked >= awaited.goal) Deferred.doneUnsafe(awaited.reached, Effect.void)
        const chunk = await Effect.runPromise(Queue.take(chunks))
        if (chunk instanceof Error) throw chunk
        return chunk === "end" ? { done: true, value: undefined } : { done: false, value: chunk }
      }
      return { [Symbol.asyncIterator]: () => ({ next }) }
    }
  }
  const usage: Array<ModelUsage> = []
  const heard: Array<string> = []
  return {
    usage,
    heard,
    /** Waits until all of it has been taken in. */
    say: Effect.fnUntraced(function* (...more: ReadonlyArray<ChatGenerationChunk | "end" | Error>) {
      awaited = { goal: asked + more.length, reached: Deferred.makeUnsafe() }
      yield* Queue.offerAll(chunks, more)
      yield* Deferred.await(awaited.reached)
    }),
    isAborted: () => aborted,
    run: (onText: ModelCall.Listener["onText"] = (piece) => Effect.sync(() => void heard.push(piece))) =>
      ModelCall.run(chat, [new HumanMessage("How are you?")], Duration.seconds(30), {
        onText,
        onUsage: (used) => Effect.sync(() => void usage.push(used))
      })
  }
})

describe("a model call", () => {
  it.effect("is not silent while it speaks, in text or in the arguments of a tool", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      for (const chunk of [text("Let me see"), part('{"a"'), part(":"), part("1}")]) {
        yield* TestClock.adjust("29 seconds")
        yield* say(chunk)
      }
      yield* Effect.forkChild(say(end("tool_calls"), "end"))
      expect(yield* Fiber.join(answer)).toMatchObject({ tool_calls: [{ name: "f", args: { a: 1 } }] })
    })
  )

  it.effect.each([0, 1])("fails after 30 seconds of silence after %d chunks", (chunks) =>
    Effect.gen(function* () {
      const { isAborted, run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.flip(run()))
      yield* TestClock.adjust("10 seconds")
      if (chunks > 0) yield* say(text("one"))
      yield* TestClock.adjust(chunks > 0 ? "29 seconds" : "19 seconds")
      assert.isUndefined(answer.pollUnsafe())
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(answer)).toMatchObject({ error: { _tag: "ModelTimeout" }, kind: "silence" })
      assert.isTrue(isAborted())
      // What was asked has been read by then.
      expect(usage).toMatchObject([{ inputTokens: 12, isEstimated: true }])
    })
  )

  it.effect("is not blamed for a listener who takes his time", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const gate = yield* Deferred.make<void>()
      const listening = yield* Deferred.make<void>()
      const answer = yield* Effect.forkChild(
        run(() => Effect.andThen(Deferred.succeed(listening, undefined), Deferred.await(gate)))
      )
      yield* Effect.forkChild(say(text("one"), end(), "end"))
      yield* Deferred.await(listening)
      yield* TestClock.adjust("10 minutes")
      yield* Deferred.succeed(gate, undefined)
      expect(yield* Fiber.join(answer)).toMatchObject({ text: "one" })
    })
  )

  it.effect("is read no further than it is listened to", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const listening = yield* Deferred.make<void>()
      const answer = yield* Effect.forkChild(
        run(() => Effect.andThen(Deferred.succeed(listening, undefined), Effect.never))
      )
      const saying = yield* Effect.forkChild(say(text("one"), text("two")))
      yield* Deferred.await(listening)
      yield* Effect.yieldNow
      assert.isUndefined(saying.pollUnsafe())
      yield* Fiber.interrupt(saying)
      yield* Fiber.interrupt(answer)
    })
  )

  it.effect("whose stream ends without an end has failed", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.flip(run()))
      yield* Effect.forkChild(say(text("one"), "end"))
      expect(yield* Fiber.join(answer)).toMatchObject({ kind: "cut short", retryable: true })
    })
  )

  it.effect.each([
    ["without a role", [generic("hi "), generic("you"), end(), counted, "end"]],
    ["in two choices", [text("hi "), other("no "), text("you"), end(), other("", "length"), counted, "end"]],
    ["and says twice that it ends", [text("hi you"), end(), end(), counted, "end"]],
    ["and says each time that it does not", [ending("hi ", ""), ending("you", ""), end(), counted, "end"]]
  ] as const)("may speak %s", ([, chunks]) =>
    Effect.gen(function* () {
      const { heard, run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      yield* Effect.forkChild(say(...chunks))
      expect(yield* Fiber.join(answer)).toMatchObject({ text: "hi you" })
      assert.strictEqual(heard.join(""), "hi you")
      expect(usage).toMatchObject([{ model: "gpt-4o-mini-2024-07-18", inputTokens: 7, isEstimated: false }])
    })
  )

  it.effect("that has only said that it does not end has been cut short", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.flip(run()))
      yield* Effect.forkChild(say(ending("half", ""), "end"))
      expect(yield* Fiber.join(answer)).toMatchObject({ kind: "cut short" })
    })
  )

  it.effect("is filtered however often that is said", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.flip(run()))
      yield* Effect.forkChild(say(text("one"), end("content_filter"), end("content_filter"), counted, "end"))
      expect(yield* Fiber.join(answer)).toMatchObject({ kind: "content_filter" })
    })
  )

  it.effect("has names for the calls it did not name, each its own", () =>
    Effect.gen(function* () {
      const { run, say } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      const call = (index: number, args: string, name?: string) =>
        chunk({
          content: "",
          tool_call_chunks: [{ ...(name === undefined ? {} : { name }), args, index, type: "tool_call_chunk" }]
        })
      yield* Effect.forkChild(
        say(call(0, "{", "f"), call(0, "}"), call(1, "{}", "f"), call(2, "{oops", "f"), end("tool_calls"), "end")
      )
      const calls = (yield* Fiber.join(answer)).tool_calls ?? []
      assert.deepStrictEqual(
        calls.map(({ name }) => name),
        ["f", "f", "f"]
      )
      assert.strictEqual(new Set(calls.map(({ id }) => id)).size, 3)
      for (const { id } of calls) assert.match(String(id), /^call_\w+$/u)
    })
  )

  it.effect("may say its last words as it ends", () =>
    Effect.gen(function* () {
      const { heard, run, say } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      yield* Effect.forkChild(say(text("one "), end("stop", "gpt-4o-mini", "two"), "end"))
      expect(yield* Fiber.join(answer)).toMatchObject({ text: "one two" })
      assert.deepStrictEqual(heard, ["one ", "two"])
    })
  )

  it.effect("is passed on as characters, never as halves of them, and without NUL", () =>
    Effect.gen(function* () {
      const { heard, run, say } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      yield* Effect.forkChild(say(...["a\0", "\ud83d", "\ude00", "b\ud83d", "c", "\ud83d"].map(text), end(), "end"))
      yield* Fiber.join(answer)
      assert.deepStrictEqual(heard, ["a", "😀", "b", "\ufffdc", "\ufffd"])
    })
  )

  it.effect.each([
    [
      "as the provider counts them",
      [text("one"), end(), counted, "end"],
      { inputTokens: 7, outputTokens: 8, isEstimated: false }
    ],
    [
      "estimated where it does not",
      [text("one"), end(), "end"],
      { inputTokens: 12, outputTokens: 10, isEstimated: true }
    ],
    [
      "estimated where it counts nonsense",
      [text("one"), end(), miscounted, "end"],
      { inputTokens: 12, isEstimated: true }
    ],
    [
      "estimated where it counts more than can be",
      [text("one"), end(), absurd, "end"],
      { inputTokens: 12, outputTokens: 10, isEstimated: true }
    ],
    [
      "estimated when it was cut",
      [text("one"), new TypeError("terminated")],
      { inputTokens: 12, outputTokens: 10, isEstimated: true }
    ],
    [
      "also of an answer that is refused",
      [text("one"), end("content_filter"), counted, "end"],
      { inputTokens: 7, isEstimated: false }
    ]
  ] as const)("tells its tokens once, %s", ([, chunks, expected]) =>
    Effect.gen(function* () {
      const { run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.exit(run()))
      yield* Effect.forkChild(say(...chunks))
      yield* Fiber.join(answer)
      assert.strictEqual(usage.length, 1)
      expect(usage[0]).toMatchObject(expected)
    })
  )

  it.effect("that was refused is free", () =>
    Effect.gen(function* () {
      const { run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(Effect.flip(run()))
      yield* Effect.forkChild(say(new TypeError("fetch failed")))
      yield* Fiber.join(answer)
      assert.deepStrictEqual(usage, [])
    })
  )

  it.effect("names the model that answered", () =>
    Effect.gen(function* () {
      const { run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      yield* Effect.forkChild(say(text("one"), end(), counted, "end"))
      yield* Fiber.join(answer)
      assert.strictEqual(usage[0]?.model, "gpt-4o-mini-2024-07-18")
    })
  )

  it.effect.each([
    ["empty", ""],
    ["unstorable", "gpt\0"],
    ["of two lines", "a\nb"],
    ["endless", "x".repeat(201)]
  ] as const)("has the name it was asked by where the one told is %s", ([, name]) =>
    Effect.gen(function* () {
      const { run, say, usage } = yield* scripted
      const answer = yield* Effect.forkChild(run())
      yield* Effect.forkChild(say(text("one"), end("stop", name), counted, "end"))
      yield* Fiber.join(answer)
      assert.strictEqual(usage[0]?.model, "gpt-4o-mini")
    })
  )
})
