import { assert, expect, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { absurd, counted, end, miscounted, part, scripted, text } from "../../test/ScriptedChat.ts"

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
