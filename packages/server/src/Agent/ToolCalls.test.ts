import { AIMessage, AIMessageChunk } from "@langchain/core/messages"
import { assert, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { AgentEvent } from "./Agent.ts"
import * as ToolCalls from "./ToolCalls.ts"
import * as Tool from "./Tools/Tool.ts"
import { currentTime } from "./Tools/CurrentTime.ts"

const nothing = Schema.Struct({})

const tool = (name: string, execute: Effect.Effect<string, Tool.ToolFailed>) =>
  Tool.make({ name, description: name, input: nothing, execute: () => execute })

const asking = (...names: ReadonlyArray<string>) =>
  new AIMessage({
    content: "",
    tool_calls: names.map((name, index) => ({ id: `call_${index}`, name, args: {}, type: "tool_call" as const }))
  })

const run = Effect.fnUntraced(function* (tools: ReadonlyArray<Tool.Tool>, message: AIMessage) {
  const events: Array<AgentEvent> = []
  const answers = yield* ToolCalls.run(tools, message, (event) => Effect.sync(() => void events.push(event)))
  return { answers: answers.map(({ content, tool_call_id }) => [tool_call_id, content]), events }
})

describe("tool calls", () => {
  it.effect("are answered in the order in which they were asked, whichever ends first", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const tools = [
        tool("slow", Effect.as(Deferred.await(gate), "slow")),
        tool("quick", Effect.as(Deferred.succeed(gate, undefined), "quick"))
      ]
      const { answers, events } = yield* run(tools, asking("slow", "quick", "slow"))
      assert.deepStrictEqual(answers, [
        ["call_0", "slow"],
        ["call_1", "quick"],
        ["call_2", "slow"]
      ])
      expect(events.map((event) => (event._tag === "Tool" ? `${event.name} ${event.status}` : ""))).toEqual(
        expect.arrayContaining(["slow started", "quick started", "quick finished", "slow finished"])
      )
    })
  )

  it.effect("wait no longer than 20 seconds, and end what they waited for", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const hangs = tool("hangs", Effect.ensuring(Effect.never, Deferred.succeed(ended, undefined)))
      const running = yield* Effect.forkChild(run([hangs], asking("hangs")))
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(running.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const { answers, events } = yield* Fiber.join(running)
      assert.deepStrictEqual(answers, [["call_0", "Error: No answer within 20 seconds"]])
      expect(events.at(-1)).toMatchObject({ name: "hangs", status: "failed" })
      assert.isTrue(yield* Deferred.isDone(ended))
    })
  )

  it.effect("cut an answer that would flood the context, and what is left is well-formed", () =>
    Effect.gen(function* () {
      const { answers } = yield* run([tool("talks", Effect.succeed(`x${"😀".repeat(20_000)}`))], asking("talks"))
      const text = String(answers[0]?.[1])
      assert.isAtMost(text.length, 20_000)
      assert.isTrue(text.isWellFormed())
    })
  )

  it("that are malformed become calls that can be answered", () => {
    const chunk = new AIMessageChunk({
      content: "",
      tool_call_chunks: [
        { id: "a", name: "f", args: "{}", index: 0, type: "tool_call_chunk" },
        { id: "b", name: "f", args: "{oops", index: 1, type: "tool_call_chunk" }
      ]
    })
    expect(ToolCalls.malformed(chunk)).toMatchObject([{ id: "b", name: "f", type: "tool_call" }])
  })

  it("are those of an answer, and of nothing else", () => {
    assert.strictEqual(ToolCalls.of(asking("f", "g")).length, 2)
    assert.deepStrictEqual(ToolCalls.of(new AIMessage("no tools")), [])
    assert.deepStrictEqual(ToolCalls.of(undefined), [])
  })
})

describe("the clock of the agent", () => {
  it.effect("tells the time, here and elsewhere", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 6, 1, 12))
      assert.strictEqual(yield* currentTime.execute({}), "2026-07-01T12:00:00.000+00:00[UTC]")
      assert.strictEqual(
        yield* currentTime.execute({ time_zone: "Europe/Berlin" }),
        "2026-07-01T14:00:00.000+02:00[Europe/Berlin]"
      )
    })
  )

  it.effect.each([
    [{ time_zone: "Middle/Earth" }, "There is no time zone Middle/Earth"],
    [{ time_zone: 7 }, "Invalid arguments"]
  ] as const)("refuses %j in words", ([input, reason]) =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(currentTime.execute(input))
      assert.isTrue(failed.reason.startsWith(reason), failed.reason)
    })
  )
})
