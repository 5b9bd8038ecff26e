import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Window from "./Window.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** What was said and answered, how long it was, and how many tools were called at once on the way, if any. */
const Exchange = Schema.Struct({ length: upTo(600), rounds: Schema.Array(upTo(3)).check(Schema.isMaxLength(3)) })
const Conversation = Schema.NonEmptyArray(Exchange).check(Schema.isMaxLength(12))

const messagesOf = ({ length, rounds }: typeof Exchange.Type, exchange: number): ReadonlyArray<BaseMessage> => [
  new HumanMessage("x".repeat(length)),
  ...rounds.flatMap((calls, round) => {
    const ids = Array.from({ length: calls }, (_, call) => `${exchange}.${round}.${call}`)
    return [
      new AIMessage({
        content: "",
        tool_calls: ids.map((id) => ({ id, name: "f", args: {}, type: "tool_call" as const }))
      }),
      ...ids.map((id) => new ToolMessage({ tool_call_id: id, content: "y".repeat(length) }))
    ]
  }),
  new AIMessage("z".repeat(length))
]

const tokens = (messages: ReadonlyArray<BaseMessage>) =>
  messages.reduce((sum, message) => sum + Window.tokensOf(message), 0)

const callIds = (messages: ReadonlyArray<BaseMessage>) =>
  messages.flatMap((message) => (message instanceof AIMessage ? (message.tool_calls ?? []).map(({ id }) => id) : []))

const answerIds = (messages: ReadonlyArray<BaseMessage>) =>
  messages.flatMap((message) => (message instanceof ToolMessage ? [message.tool_call_id] : []))

describe("the window", () => {
  it.prop(
    "is the newest exchanges that fit, whole, and the last one in any case",
    { conversation: Conversation, limit: upTo(5000) },
    ({ conversation, limit }) => {
      const exchanges = conversation.map(messagesOf)
      const window = Window.fit(exchanges.flat(), limit)
      const count = exchanges.findLastIndex((_, index) => exchanges.slice(index).flat().length === window.length)
      assert.isAtLeast(count, 0, "not a number of whole exchanges")
      assert.deepStrictEqual(window, exchanges.slice(count).flat())
      assert.isTrue(tokens(window) <= limit || count === exchanges.length - 1, "too much")
      if (count > 0) assert.isAbove(tokens(exchanges.slice(count - 1).flat()), limit, "less than would fit")
    }
  )

  it.prop(
    "never parts a tool's call from its answer, in the middle of an exchange either",
    { conversation: Conversation, limit: upTo(5000), cut: upTo(20) },
    ({ conversation, cut, limit }) => {
      const all = conversation.flatMap(messagesOf)
      const window = Window.fit(all.slice(0, Math.max(1, all.length - cut)), limit)
      const calls = callIds(window)
      const asked = new Set(calls)
      assert.strictEqual(window[0]?.type, "human")
      for (const id of answerIds(window)) assert.isTrue(asked.has(id), `nobody asked for ${id}`)
    }
  )

  it("counts the arguments of tools, which may be long", () => {
    const call = (args: Record<string, unknown>) =>
      new AIMessage({ content: "", tool_calls: [{ id: "1", name: "f", args, type: "tool_call" }] })
    assert.isAbove(Window.tokensOf(call({ text: "x".repeat(3000) })), Window.tokensOf(call({})) + 900)
  })

  it.each([
    ["English", "word ".repeat(1000), 1250],
    ["Japanese", "言葉".repeat(1000), 2000],
    ["pictures", "😀".repeat(1000), 1000]
  ])("estimates no less than what %s takes", (_, text, atLeast) => {
    assert.isAtLeast(Window.tokensOfText(text), atLeast)
    assert.isAtMost(Window.tokensOfText(text), 1.5 * atLeast)
  })
})
