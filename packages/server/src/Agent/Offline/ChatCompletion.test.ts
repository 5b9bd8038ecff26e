import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { countCompletionTokens, encodeAnswer, streamEvents, words } from "./ChatCompletionResponse.ts"
import type { Answer } from "./ChatCompletionResponse.ts"
import { countPromptTokens, countTokens, decodeRequest, maxTokens } from "./ChatCompletionRequest.ts"

const Chunk = Schema.fromJsonString(
  Schema.Struct({
    choices: Schema.Array(
      Schema.Struct({
        delta: Schema.Struct({
          content: Schema.optionalKey(Schema.NullOr(Schema.String)),
          tool_calls: Schema.optionalKey(
            Schema.Array(
              Schema.Struct({
                index: Schema.Int,
                function: Schema.Struct({ arguments: Schema.String })
              })
            )
          )
        })
      })
    )
  })
)

const envelope = { id: "chatcmpl-1", model: "m", createdSeconds: 0 }

/** Reads a stream the way a client does: by event, up to `[DONE]`. */
const chunksOf = (answer: Answer) => {
  const { closing, deltas, opening } = streamEvents(encodeAnswer(answer), envelope)
  const events = [opening, ...deltas, closing].join("").trimEnd().split("\n\n")
  assert.strictEqual(events.pop(), "data: [DONE]")
  return events.map((event) => Schema.decodeSync(Chunk)(event.slice("data: ".length)))
}

const refusalOf = (body: object) => {
  const decoded = decodeRequest(JSON.stringify(body))
  return Result.isFailure(decoded) ? decoded.failure : assert.fail("the request was accepted")
}

const acceptedOf = (body: object) => Result.getOrThrow(decodeRequest(JSON.stringify(body)))

const call = { id: "call_1", type: "function", function: { name: "current_time", arguments: "{}" } }
const user = { role: "user", content: "hi" }

describe("ChatCompletionRequest", () => {
  it("reads content given as parts, and an assistant without any", () => {
    const { messages } = acceptedOf({
      model: "m",
      messages: [
        { role: "developer", content: "be brief" },
        {
          role: "user",
          content: [
            { type: "text", text: "look:" },
            { type: "image_url", image_url: { url: "x" } }
          ]
        },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "noon" }
      ]
    })
    assert.deepStrictEqual(
      messages.map((message) => message.content),
      ["be brief", "look:\n", null, "noon"]
    )
  })

  it("takes either name of the token limit, and null for none", () => {
    const limits = [{ max_tokens: 7 }, { max_completion_tokens: 8 }, { max_tokens: null }, {}]
    assert.deepStrictEqual(
      limits.map((limit) => maxTokens(acceptedOf({ model: "m", messages: [user], ...limit }))),
      [7, 8, Infinity, Infinity]
    )
  })

  it.each([
    ["no model", { messages: [user] }, "model"],
    ["no messages", { model: "m", messages: [] }, "messages"],
    ["an unknown role", { model: "m", messages: [user, { role: "robot", content: "x" }] }, "messages.1.role"],
    ["a temperature out of range", { model: "m", messages: [user], temperature: 3 }, "temperature"],
    ["a limit of nothing", { model: "m", messages: [user], max_tokens: 0 }, "max_tokens"],
    [
      "a tool call with no answer at the end",
      { model: "m", messages: [user, { role: "assistant", tool_calls: [call] }] },
      "messages"
    ],
    [
      "a tool call with no answer before the next message",
      { model: "m", messages: [{ role: "assistant", tool_calls: [call] }, user] },
      "messages.1"
    ],
    [
      "an answer to no tool call",
      { model: "m", messages: [user, { role: "tool", tool_call_id: "call_1", content: "x" }] },
      "messages.1"
    ]
  ])("refuses %s and names the parameter", (_, body, param) => {
    assert.strictEqual(refusalOf(body).param, param)
  })

  it("counts a token for every 4 code points begun, emoji as one code point", () => {
    assert.deepStrictEqual(["", "a", "abcd", "abcde", "😀😀😀😀"].map(countTokens), [0, 1, 1, 2, 1])
  })

  it("counts 4 tokens more for each message", () => {
    const tokens = (messages: ReadonlyArray<object>) => countPromptTokens(acceptedOf({ model: "m", messages }))
    assert.strictEqual(tokens([user]), 5)
    assert.strictEqual(tokens([user, user]), 10)
  })
})

describe("ChatCompletionResponse", () => {
  it.prop("a text's words are the text again, and none is empty", [Schema.String], ([text]) => {
    assert.strictEqual(words(text).join(""), text)
    assert.isFalse(words(text).includes(""))
  })

  it.prop(
    "a stream's deltas are its text and its tool calls' arguments again",
    [Schema.String, Schema.String],
    ([text, args]) => {
      const chunks = chunksOf({
        content: words(text),
        toolCalls: [args, "{}"].map((args, index) => ({
          id: `call_${index}`,
          type: "function",
          function: { name: "f", arguments: args }
        })),
        finishReason: "tool_calls"
      })
      const deltas = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta))
      const fragments = deltas.flatMap((delta) => delta.tool_calls ?? [])
      const joined = (index: number) =>
        fragments
          .filter((fragment) => fragment.index === index)
          .map((fragment) => fragment.function.arguments)
          .join("")
      assert.strictEqual(deltas.map((delta) => delta.content ?? "").join(""), text)
      assert.deepStrictEqual([joined(0), joined(1)], [args, "{}"])
    }
  )

  it("bills at least one token", () => {
    assert.strictEqual(countCompletionTokens({ content: [], toolCalls: [], finishReason: "stop" }), 1)
  })
})
