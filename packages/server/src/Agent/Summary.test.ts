import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages"
import { messagesStateReducer } from "@langchain/langgraph"
import { assert, describe, it } from "@effect/vitest"
import * as Summary from "./Summary.ts"

const exchange = (index: number): Array<BaseMessage> => [
  new HumanMessage({ id: `q${index}`, content: `question ${index}` }),
  new AIMessage({ id: `a${index}`, content: `answer ${index}` })
]
const exchanges = (count: number) => Array.from({ length: count }, (_, index) => exchange(index)).flat()
const question = new HumanMessage({ id: "q", content: "and now?" })
const ids = (messages: ReadonlyArray<BaseMessage>) => messages.map(({ id }) => id)

/** The state after LangGraph has applied the change. */
const applied = (state: Array<BaseMessage>, change: Array<BaseMessage>) => messagesStateReducer(state, change)

const recalled = (spoken: ReadonlyArray<BaseMessage>, summary = ""): Summary.Recalled => ({ summary, spoken })

describe("the summary", () => {
  it("is not written before there are more than fourteen messages", () => {
    assert.deepStrictEqual(Summary.due(recalled(exchanges(7)), 16_000), [])
    assert.deepStrictEqual(ids(Summary.due(recalled([...exchanges(7), question]), 16_000)), ids(exchanges(5)))
  })

  it("is written sooner when much has been said", () => {
    const long = new HumanMessage({ id: "long", content: "word ".repeat(8000) })
    const spoken = [...exchanges(2), long, new AIMessage({ id: "a", content: "I see" }), question]
    assert.deepStrictEqual(Summary.due(recalled(spoken), 100_000), [])
    assert.deepStrictEqual(ids(Summary.due(recalled(spoken), 16_000)), [...ids(exchanges(2)), "long", "a"])
  })

  it("leaves alone what was said last, however long it is", () => {
    const calls = Array.from({ length: 30 }, (_, index) => ({
      id: `${index}`,
      name: "f",
      args: {},
      type: "tool_call" as const
    }))
    const answers = calls.map(
      ({ id }) => new ToolMessage({ id: `t${id}`, tool_call_id: id, content: "x".repeat(9000) })
    )
    const last = [question, new AIMessage({ id: "a", content: "", tool_calls: calls }), ...answers]
    assert.deepStrictEqual(Summary.due(recalled(last), 16_000), [])
    assert.deepStrictEqual(ids(Summary.due(recalled([...exchanges(1), ...last]), 16_000)), ["q0", "a0"])
  })

  it("takes the place of what it tells of", () => {
    const state = [...exchanges(8), question]
    const old = Summary.due(recalled(state), 16_000)
    const said = new AIMessage({ id: "a", content: "this" })
    const condensed = applied([...state, said], Summary.condense(recalled([...state, said]), old, "They talked."))
    assert.deepStrictEqual(ids(condensed), ["summary", ...ids(exchanges(8).slice(12)), "q", "a"])
    const { spoken, summary } = Summary.recall(condensed)
    assert.deepStrictEqual([summary, ids(spoken)], ["They talked.", ids(condensed).slice(1)])
    // The next one stands in the same place.
    const again = applied(condensed, Summary.condense({ spoken, summary }, spoken.slice(0, 2), "They talked more."))
    assert.deepStrictEqual(ids(again), ["summary", ...ids(spoken.slice(2))])
    assert.strictEqual(Summary.recall(again).summary, "They talked more.")
  })

  it("that could not be written leaves everything as it is, up to 28 messages", () => {
    const few = recalled(exchanges(14), "before")
    assert.deepStrictEqual(Summary.condense(few, few.spoken.slice(0, 22), undefined), [])
    const many = recalled([...exchanges(14), question], "before")
    const condensed = applied([], Summary.condense(many, many.spoken.slice(0, 24), undefined))
    assert.deepStrictEqual(ids(condensed), ["summary", ...ids(many.spoken.slice(24))])
    assert.strictEqual(Summary.recall(condensed).summary, "before")
  })

  it("is part of the system prompt, if there is one", () => {
    assert.strictEqual(Summary.withPast("Be kind.", recalled([])).text, "Be kind.")
    const { text } = Summary.withPast("Be kind.", recalled([], "They talked."))
    assert.isTrue(text.startsWith("Be kind.\n") && text.endsWith("They talked."))
  })

  it("is not confused with another system message", () => {
    const system = new SystemMessage("something else")
    assert.deepStrictEqual(Summary.recall([system, question]).spoken, [system, question])
  })
})
