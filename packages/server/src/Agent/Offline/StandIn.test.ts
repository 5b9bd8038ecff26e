import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { decodeRequest } from "./ChatCompletionRequest.ts"
import { reply } from "./StandIn.ts"

const tool = (name: string) => ({ type: "function", function: { name, parameters: { type: "object" } } })
const tools = [tool("current_time"), tool("web_search")]

/** The reply to a conversation: what the user said by turns, each answered with "ok", or whole messages. */
const replyTo = (said: ReadonlyArray<string | object>, extra: object = {}) => {
  const messages = said.flatMap((message, index) => [
    ...(typeof message === "string" && typeof said[index - 1] === "string"
      ? [{ role: "assistant", content: "ok" }]
      : []),
    typeof message === "string" ? { role: "user", content: message } : message
  ])
  return reply(Result.getOrThrow(decodeRequest(JSON.stringify({ model: "m", messages, ...extra }))))
}

const textOf = (said: ReadonlyArray<string | object>, extra?: object): string => {
  const answer = replyTo(said, extra)
  return answer._tag === "Say" ? answer.text : assert.fail(`used the tool ${answer.tool}`)
}

describe("StandIn", () => {
  it.each([
    [["hello"], "Hello!"],
    [["What is 6 * 7?"], "6 * 7 = 42"],
    [["0.1 + 0.2"], "0.1 + 0.2 = 0.3"],
    [["what is 1 / 0"], "1 / 0 has no answer."],
    [["What can you do?"], "Parley keeps your sessions"],
    [["my name is Ann"], "Nice to meet you, Ann."],
    [["My name is Ann and I sail", "what is my name?"], "Your name is Ann."],
    [["my name is Ann", "no, call me Bo Li", "who am I?"], "Your name is Bo Li."],
    [["what's my name?"], "You have not told me your name"],
    [["I like tea", "and cake", "What did I say first?"], `The first thing you said: "I like tea"`],
    [["I like tea", "and cake", "What did I just say?"], `Before this you said: "and cake"`],
    [["what did I say first?"], "This is the first thing you said."],
    [["thanks!"], "You are welcome."],
    [["Explain monads"], `You said "Explain monads".`],
    [[" "], "You said nothing I can read."]
  ])("answers %j", (said, start) => {
    const text = textOf(said, { tools })
    assert.strictEqual(text.slice(0, start.length), start)
  })

  it.each(["hello", "what is 2 + 2", "Explain monads", "who are you?"])(
    "says in its answer to %j that no model is behind it, and how to get one",
    (said) => {
      assert.include(textOf([said]), "no language model is behind this answer")
      assert.include(textOf([said]), "LLM_API_KEY")
    }
  )

  it("explains Ollama and vLLM when asked what it is", () => {
    assert.include(textOf(["Are you a bot?"]), "LLM_BASE_URL")
  })

  it.each(["What time is it?", "what's the date", "what is today's date?", "what day is it"])(
    "asks current_time for %j",
    (said) => {
      assert.deepStrictEqual(replyTo([said], { tools }), { _tag: "Use", tool: "current_time", input: {} })
    }
  )

  it.each([
    ["Search the web for Effect 4 layers!", "Effect 4 layers"],
    ["please look up otters", "otters"],
    ["can you search?", "can you search"]
  ])("asks web_search for %j", (said, query) => {
    assert.deepStrictEqual(replyTo([said], { tools }), { _tag: "Use", tool: "web_search", input: { query } })
  })

  it("says what it would have used when the tool is not offered, or not allowed", () => {
    const start = "For that I would use the tool current_time"
    assert.isTrue(textOf(["what time is it?"]).startsWith(start))
    assert.isTrue(textOf(["what time is it?"], { tools, tool_choice: "none" }).startsWith(start))
  })

  it("states what the tools answered, and asks them no second time", () => {
    const calls = ["current_time", "web_search"].map((name, index) => ({
      id: `call_${index}`,
      type: "function",
      function: { name, arguments: "{}" }
    }))
    const text = textOf(
      [
        "what time is it?",
        { role: "assistant", content: null, tool_calls: calls },
        { role: "tool", tool_call_id: "call_1", content: "nothing found" },
        { role: "tool", tool_call_id: "call_0", content: "12:00 UTC" }
      ],
      { tools }
    )
    assert.include(text, "The tool web_search answered: nothing found\nThe tool current_time answered: 12:00 UTC")
  })

  it("is not confused by system messages, a summary among them", () => {
    const summary = { role: "system", content: "Summary so far: the user asked what time it is. My name is Parley." }
    assert.include(textOf([summary, "hello"]), "Hello!")
    assert.include(textOf([summary, "what is my name?"]), "You have not told me your name")
  })

  it("quotes only the beginning of a long message", () => {
    assert.isBelow(textOf(["x".repeat(10_000)]).length, 600)
  })
})
