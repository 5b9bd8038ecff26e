/**
 * The request half of OpenAI's `POST /v1/chat/completions`, as far as an answer depends on it; keys not listed here are
 * accepted and dropped. It is as strict as the provider where a client has to learn from a refusal: an empty
 * conversation, a tool call left unanswered, a temperature out of range.
 */
import { Result, Schema, SchemaIssue, SchemaTransformation } from "effect"

/** Clients in other languages send `null` for what they do not set. */
const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** Text as a string or as parts. Images, audio and files pass, and read as no text. */
const Content = Schema.Union([
  Schema.String,
  Schema.Array(Schema.Struct({ type: Schema.String, text: Schema.optionalKey(Schema.String) }))
]).pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({
      decode: (content) => (typeof content === "string" ? content : content.map((part) => part.text ?? "").join("\n")),
      encode: (text) => text
    })
  )
)

export const ToolCall = Schema.Struct({
  id: Schema.String,
  type: Schema.Literal("function"),
  /** `arguments` is JSON written by a model: it may be malformed. */
  function: Schema.Struct({ name: Schema.String, arguments: Schema.String })
})
export type ToolCall = typeof ToolCall.Type

const Message = Schema.Union([
  Schema.Struct({ role: Schema.Literals(["system", "developer", "user"]), content: Content }),
  Schema.Struct({
    role: Schema.Literal("assistant"),
    content: nullable(Content),
    tool_calls: nullable(Schema.Array(ToolCall))
  }),
  Schema.Struct({ role: Schema.Literal("tool"), content: Content, tool_call_id: Schema.String })
])
export type Message = typeof Message.Type

/** The provider's law: an assistant's tool calls are answered at once, one answer each, and nothing else is one. */
const toolCallsAreAnswered = Schema.makeFilter<ReadonlyArray<Message>>((messages) => {
  let asked = new Set<string>()
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!asked.delete(message.tool_call_id)) {
        return { path: [index], issue: "a message with role 'tool' must answer a preceding message with 'tool_calls'" }
      }
    } else {
      if (asked.size > 0) return { path: [index], issue: unanswered(asked) }
      if (message.role === "assistant") asked = new Set(message.tool_calls?.map((call) => call.id))
    }
  }
  return asked.size === 0 || unanswered(asked)
})

const unanswered = (ids: ReadonlySet<string>) =>
  "an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'; " +
  `these have no answer: ${[...ids].join(", ")}`

const Tool = Schema.Struct({
  type: Schema.Literal("function"),
  function: Schema.Struct({
    name: Schema.String,
    description: nullable(Schema.String),
    parameters: nullable(Schema.Record(Schema.String, Schema.Unknown))
  })
})

export const ChatCompletionRequest = Schema.Struct({
  model: Schema.NonEmptyString,
  messages: Schema.Array(Message).check(Schema.isMinLength(1), toolCallsAreAnswered),
  tools: nullable(Schema.Array(Tool)),
  tool_choice: nullable(
    Schema.Union([
      Schema.Literals(["none", "auto", "required"]),
      Schema.Struct({ type: Schema.Literal("function"), function: Schema.Struct({ name: Schema.String }) })
    ])
  ),
  stream: nullable(Schema.Boolean),
  stream_options: nullable(Schema.Struct({ include_usage: nullable(Schema.Boolean) })),
  temperature: nullable(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  /** The older name of `max_completion_tokens`; reasoning models refuse it, the rest take both. */
  max_tokens: nullable(Schema.Int.check(Schema.isGreaterThan(0))),
  max_completion_tokens: nullable(Schema.Int.check(Schema.isGreaterThan(0))),
  response_format: nullable(
    Schema.Struct({ type: Schema.String, json_schema: nullable(Schema.Struct({ name: Schema.String })) })
  )
})
export type ChatCompletionRequest = typeof ChatCompletionRequest.Type

/** Why a body was refused: what a 400 says, and the dotted path of the parameter it is about. */
export interface InvalidRequest {
  readonly message: string
  readonly param: string | null
}

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(ChatCompletionRequest))
const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Decodes a body as it came over the wire. A `Result`, because a callback of `node:http` reads it too. */
export const decodeRequest = (body: string): Result.Result<ChatCompletionRequest, InvalidRequest> =>
  Result.mapError(parse(body), (error) => {
    const issue = issuesOf(error.issue).issues[0]
    const path = issue?.path?.map((segment) => String(typeof segment === "object" ? segment.key : segment)) ?? []
    return { message: issue?.message ?? "invalid request", param: path.length === 0 ? null : path.join(".") }
  })

/** What the client will pay for at the most. */
export const maxTokens = (request: ChatCompletionRequest): number =>
  request.max_completion_tokens ?? request.max_tokens ?? Infinity

/** A streamed answer carries its usage only when asked to. */
export const wantsUsage = (request: ChatCompletionRequest): boolean => request.stream_options?.include_usage === true

/** Code points to a token: the rule of thumb OpenAI gives for English. No tokenizer runs here. */
export const codePointsPerToken = 4

/** About the tokens of a text: its code points over four, rounded up. */
export const countTokens = (text: string): number => Math.ceil([...text].length / codePointsPerToken)

/** About the tokens of a prompt: the texts, what calls and tools say, and 4 a message for the chat format around it. */
export const countPromptTokens = ({ messages, tools }: ChatCompletionRequest): number => {
  const said = messages.reduce((sum, message) => sum + 4 + countTokens(message.content ?? "") + calls(message), 0)
  return said + (tools ? countTokens(JSON.stringify(tools)) : 0)
}

const calls = (message: Message): number =>
  message.role === "assistant" && message.tool_calls ? countTokens(JSON.stringify(message.tool_calls)) : 0
