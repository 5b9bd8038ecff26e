import { assert, expect, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { chunk, counted, end, ending, generic, other, scripted, text } from "../../test/ScriptedChat.ts"

describe("a model", () => {
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
})
