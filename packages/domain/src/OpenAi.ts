/** A part of OpenAI's API, so that whatever speaks it can be pointed at Parley. Names and shapes are OpenAI's. */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { Limit, StreamedLimit } from "./Limits.ts"
import { Count } from "./Scalars.ts"
import { Authorization, type CurrentUser } from "./Users.ts"

/** Clients in other languages send `null` for what they do not set; and all of them send what is not listed here. */
const optional = <S extends Schema.Top>(schema: S, message?: string) =>
  Schema.optionalKey(Schema.NullOr(schema).annotate(message === undefined ? {} : { message }))
const open = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

/** What a caller would wait for in vain: refused, because to leave it out would be another answer than was asked for. */
const unsupported = (why: string) =>
  Schema.optionalKey(Schema.Null.annotate({ message: why, description: `Not supported. ${why}` }))
const noList = (why: string) =>
  optional(
    Schema.Array(Schema.Unknown)
      .annotate({ description: `Not supported. ${why}` })
      .check(Schema.isMaxLength(0, { message: why }))
  )
/** Only what is the default anyway. */
const only = <const L extends number | string | boolean>(value: L, why: string) =>
  optional(Schema.Literal(value).annotate({ description: why }), why)

const ownTools = "The agent has tools of its own; a caller cannot bring others"
const textOnly = "Only text is understood"

const contentMessage = "Must be a string, or a list of parts of the type text"
const TextPart = open({
  type: Schema.Literal("text").annotate({ message: "Must be text: images, audio and files are not understood" }),
  text: Schema.String
}).annotate({ identifier: "OpenAiTextPart" })

const ChatMessage = open({
  role: Schema.Literals(["system", "developer", "user", "assistant"]).annotate({
    message: `Must be system, developer, user or assistant. ${ownTools}`
  }),
  content: Schema.Union([Schema.String, Schema.Array(TextPart)]).annotate({ message: contentMessage }),
  tool_calls: noList(ownTools),
  function_call: unsupported(ownTools),
  audio: unsupported(textOnly)
}).annotate({ identifier: "OpenAiMessage" })

const positive = Schema.Int.check(Schema.isGreaterThan(0, { message: "Must be at least 1" }))
const stopMessage = "Must be a string, or a list of at most 4"

export const ChatCompletionRequest = open({
  model: Schema.String.annotate({ description: "One of those that `GET /v1/models` lists", examples: ["gpt-4o-mini"] }),
  messages: Schema.Array(ChatMessage)
    .annotate({ description: "The whole conversation: nothing is remembered from one request to the next" })
    .check(Schema.isMinLength(1, { message: "Must have at least one message" })),
  stream: optional(Schema.Boolean),
  stream_options: optional(open({ include_usage: optional(Schema.Boolean) })),
  temperature: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }, { message: "Must be between 0 and 2" }))
  ),
  max_completion_tokens: optional(
    positive.annotate({ description: "For each call of the model; no more than the server allows" })
  ),
  max_tokens: optional(positive.annotate({ description: "The older name of `max_completion_tokens`" })),
  stop: optional(
    Schema.Union([Schema.String, Schema.Array(Schema.String).check(Schema.isMaxLength(4, { message: stopMessage }))]),
    stopMessage
  ),
  n: only(1, "Must be 1: there is one answer"),
  tools: noList(ownTools),
  functions: noList(ownTools),
  tool_choice: optional(Schema.Literals(["none", "auto"]), ownTools),
  function_call: optional(Schema.Literals(["none", "auto"]), ownTools),
  response_format: optional(open({ type: Schema.Literal("text") }), "Must be text: answers have no other form"),
  modalities: optional(Schema.Array(Schema.Literal("text").annotate({ message: `Must be text. ${textOnly}` }))),
  audio: unsupported(textOnly),
  web_search_options: unsupported("The agent decides by itself whether to search"),
  logprobs: only(false, "Must be false: probabilities are not told"),
  top_logprobs: only(0, "Must be 0: probabilities are not told")
}).annotate({
  identifier: "OpenAiChatCompletionRequest",
  description: "Fields that are not listed are accepted and ignored",
  examples: [{ model: "gpt-4o-mini", messages: [{ role: "user", content: "What time is it?" }] }]
})
export type ChatCompletionRequest = typeof ChatCompletionRequest.Type

const CompletionUsage = Schema.Struct({
  prompt_tokens: Count,
  completion_tokens: Count,
  total_tokens: Count
}).annotate({
  identifier: "OpenAiUsage",
  description: "Of all calls of the model together, as the provider counts them; with those around the agent's tools",
  examples: [{ prompt_tokens: 42, completion_tokens: 12, total_tokens: 54 }]
})

const FinishReason = Schema.Literals(["stop", "length"]).annotate({
  description: "`length`: the answer was cut at the most tokens it may have"
})

const id = Schema.String.annotate({ examples: ["chatcmpl-0199c0de-0000-7000-8000-000000000006"] })
const created = Count.annotate({ description: "Seconds since 1970", examples: [1_769_860_800] })
const model = Schema.String.annotate({ description: "As it calls itself, once it has", examples: ["gpt-4o-mini"] })
const delta = Schema.Struct({
  role: Schema.optionalKey(Schema.Literal("assistant")),
  content: Schema.optionalKey(Schema.String)
})

export const ChatCompletion = Schema.Struct({
  id,
  object: Schema.tag("chat.completion"),
  created,
  model,
  choices: Schema.Tuple([
    Schema.Struct({
      index: Schema.tag(0),
      message: Schema.Struct({ role: Schema.tag("assistant"), content: Schema.String, refusal: Schema.Null }),
      logprobs: Schema.Null,
      finish_reason: FinishReason
    })
  ]),
  usage: CompletionUsage
}).annotate({
  identifier: "OpenAiChatCompletion",
  examples: [
    {
      id: "chatcmpl-0199c0de-0000-7000-8000-000000000006",
      object: "chat.completion",
      created: 1_769_860_800,
      model: "gpt-4o-mini",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "It is noon.", refusal: null },
          logprobs: null,
          finish_reason: "stop"
        }
      ],
      usage: { prompt_tokens: 42, completion_tokens: 12, total_tokens: 54 }
    }
  ]
})
export type ChatCompletion = typeof ChatCompletion.Type

export const ChatCompletionChunk = Schema.Struct({
  id,
  object: Schema.tag("chat.completion.chunk"),
  created,
  model,
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.tag(0),
      delta,
      logprobs: Schema.Null,
      finish_reason: Schema.NullOr(FinishReason)
    })
  ),
  usage: Schema.optionalKey(Schema.NullOr(CompletionUsage))
}).annotate({
  identifier: "OpenAiChatCompletionChunk",
  examples: [
    {
      id: "chatcmpl-0199c0de-0000-7000-8000-000000000006",
      object: "chat.completion.chunk",
      created: 1_769_860_800,
      model: "gpt-4o-mini",
      choices: [{ index: 0, delta: { content: "It is " }, logprobs: null, finish_reason: null }]
    }
  ]
})
export type ChatCompletionChunk = typeof ChatCompletionChunk.Type

export const OpenAiError = Schema.Struct({
  error: Schema.Struct({
    message: Schema.String.annotate({ examples: ["messages[0].role: Must be system, developer, user or assistant"] }),
    type: Schema.Literals(["invalid_request_error", "requests", "insufficient_quota", "server_error"]),
    param: Schema.NullOr(Schema.String).annotate({ description: "What of the request it is about", examples: [null] }),
    code: Schema.NullOr(Schema.String).annotate({
      description: "For programs: `invalid_api_key`, `rate_limit_exceeded`, `context_length_exceeded`, ...",
      examples: [null]
    })
  })
}).annotate({ identifier: "OpenAiError", description: "An error, in OpenAI's shape" })
export type OpenAiError = typeof OpenAiError.Type

/** The last event of a stream is no JSON; one that fails after its beginning ends in an error. */
export const ChatCompletionEvent = Schema.Struct({
  event: Schema.optionalKey(Schema.String),
  data: Schema.fromJsonString(Schema.Union([ChatCompletionChunk, OpenAiError]))
}).annotate({ identifier: "OpenAiChatCompletionEvent" })

export const Models = Schema.Struct({
  object: Schema.tag("list"),
  data: Schema.Array(
    Schema.Struct({
      id: Schema.String.annotate({ examples: ["gpt-4o-mini"] }),
      object: Schema.tag("model"),
      created,
      owned_by: Schema.String.annotate({ examples: ["parley"] })
    }).annotate({ identifier: "OpenAiModel" })
  )
}).annotate({ identifier: "OpenAiModels" })
export type Models = typeof Models.Type

const failures = (...statuses: ReadonlyArray<number>) =>
  statuses.map((status) => OpenAiError.pipe(HttpApiSchema.status(status)))

/** As `Authorization`, with a Parley access token in the place of an API key. */
export class OpenAiAuthorization extends HttpApiMiddleware.Service<OpenAiAuthorization, { provides: CurrentUser }>()(
  "@parley/domain/OpenAi/Authorization",
  { error: failures(401), security: Authorization.security }
) {}

/** As `RateLimited` and the boundary of the rest of the API, in OpenAI's shape. */
export class OpenAiBoundary extends HttpApiMiddleware.Service<OpenAiBoundary>()("@parley/domain/OpenAi/Boundary", {
  error: failures(400, 429, 500, 503)
}) {}

export class OpenAiGroup extends HttpApiGroup.make("openai")
  .add(
    HttpApiEndpoint.post("completions", "/v1/chat/completions", {
      payload: ChatCompletionRequest,
      success: [ChatCompletion, HttpApiSchema.StreamSse({ events: ChatCompletionEvent })],
      error: failures(404, 413, 415, 502, 504)
    })
      .annotate(Limit, "chat")
      .annotate(StreamedLimit, "chat-stream")
      .annotateMerge(
        OpenApi.annotations({
          summary: "Complete a chat",
          description:
            "For clients made for OpenAI. The agent answers, with its own instructions before those of the conversation " +
            "and with its tools. Nothing is stored but what it cost. With `stream` the answer comes in chunks; the " +
            "stream ends with the event `[DONE]`. Errors before the first chunk are ordinary HTTP errors. The client's " +
            "departure ends the call of the model."
        })
      ),
    HttpApiEndpoint.get("models", "/v1/models", { success: Models }).annotateMerge(
      OpenApi.annotations({
        summary: "List models",
        description: "Those that can be asked: the configured model first, then its fallbacks."
      })
    )
  )
  .middleware(OpenAiAuthorization)
  .middleware(OpenAiBoundary)
  // OpenAI tells the first error alone; of a megabyte of wrong messages all would take seconds.
  .annotate(HttpApi.PayloadParseOptions, { errors: "first" })
  .annotateMerge(
    OpenApi.annotations({ title: "OpenAI", description: "A part of OpenAI's API, for clients that were made for it" })
  ) {}
