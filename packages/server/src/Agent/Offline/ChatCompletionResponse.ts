/**
 * The response half of OpenAI's `POST /v1/chat/completions`: one JSON body, or the chunks of a stream as server-sent
 * events. An answer is encoded apart from the envelope it travels in, so that a stub can encode it once and send it
 * a thousand times.
 */
import { countTokens } from "./ChatCompletionRequest.ts"
import type { ToolCall } from "./ChatCompletionRequest.ts"

export interface Answer {
  /** The text in the pieces a stream sends; empty when the answer is only tool calls. */
  readonly content: ReadonlyArray<string>
  readonly toolCalls: ReadonlyArray<ToolCall>
  readonly finishReason: "stop" | "length" | "tool_calls" | "content_filter"
}

/** What surrounds an answer. LangGraph merges messages of one id into one, so `id` must never repeat in a thread. */
export interface Envelope {
  readonly id: string
  readonly model: string
  readonly createdSeconds: number
}

export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** The part of `promptTokens` the provider had in its cache. */
  readonly cachedTokens: number
}

/** A text in words, each with the white space after it: joined, they are the text again. */
export const words = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(/(?<=\s)(?=\S)/u))

/** The tokens of an answer, at least one: a provider never bills none. */
export const countCompletionTokens = (answer: Answer): number =>
  Math.max(
    1,
    countTokens(answer.content.join("")) +
      (answer.toolCalls.length === 0 ? 0 : countTokens(JSON.stringify(answer.toolCalls)))
  )

const usageBody = (usage: Usage) => ({
  prompt_tokens: usage.promptTokens,
  completion_tokens: usage.completionTokens,
  total_tokens: usage.promptTokens + usage.completionTokens,
  prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 }
})

/** The body of an answer that is not streamed. */
export const completionBody = (answer: Answer, envelope: Envelope, usage: Usage) => ({
  id: envelope.id,
  object: "chat.completion",
  created: envelope.createdSeconds,
  model: envelope.model,
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: answer.content.length === 0 ? null : answer.content.join(""),
        refusal: null,
        ...(answer.toolCalls.length === 0 ? {} : { tool_calls: answer.toolCalls })
      },
      logprobs: null,
      finish_reason: answer.finishReason
    }
  ],
  usage: usageBody(usage)
})

/** A streamed answer: `T` is first each part's choices as JSON, then the server-sent events themselves. */
export interface Parts<T> {
  /** Names the role; a provider sends it along with the first token. */
  readonly opening: T
  /** One for each piece of content, then those of the tool calls. */
  readonly deltas: ReadonlyArray<T>
  /** The finish reason; as events also the usage, when wanted, and `[DONE]`. */
  readonly closing: T
}

const choices = (delta: object, finishReason: string | null = null): string =>
  JSON.stringify([{ index: 0, delta, logprobs: null, finish_reason: finishReason }])

/** A call's name comes first, alone; its arguments follow in fragments that are not JSON by themselves. */
const toolCallDeltas = (call: ToolCall, index: number): ReadonlyArray<object> => [
  { tool_calls: [{ index, id: call.id, type: call.type, function: { name: call.function.name, arguments: "" } }] },
  ...(call.function.arguments.match(/.{1,16}/gsu) ?? []).map((fragment) => ({
    tool_calls: [{ index, function: { arguments: fragment } }]
  }))
]

/** The part of a stream that is the same in every call. */
export const encodeAnswer = (answer: Answer): Parts<string> => ({
  opening: choices({ role: "assistant", content: answer.content.length === 0 ? null : "", refusal: null }),
  deltas: [
    ...answer.content.map((content) => choices({ content })),
    ...answer.toolCalls.flatMap((call, index) => toolCallDeltas(call, index).map((delta) => choices(delta)))
  ],
  closing: choices({}, answer.finishReason)
})

/** The events of one call's stream. Give `usage` when the client asked for it: its chunk has no choices. */
export const streamEvents = (parts: Parts<string>, envelope: Envelope, usage?: Usage): Parts<string> => {
  const { createdSeconds: created, id, model } = envelope
  const head = JSON.stringify({ id, object: "chat.completion.chunk", created, model }).slice(0, -1)
  const tail = usage === undefined ? "}\n\n" : `,"usage":null}\n\n`
  const event = (choices: string) => `data: ${head},"choices":${choices}${tail}`
  return {
    opening: event(parts.opening),
    deltas: parts.deltas.map(event),
    closing:
      event(parts.closing) +
      (usage === undefined ? "" : `data: ${head},"choices":[],"usage":${JSON.stringify(usageBody(usage))}}\n\n`) +
      "data: [DONE]\n\n"
  }
}

/** The headers of a stream: nothing on the way may keep a token back. */
export const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform"
} as const

/** The body of every refusal. */
export const errorBody = (error: {
  readonly message: string
  readonly type?: string | undefined
  readonly param?: string | null | undefined
  readonly code?: string | null | undefined
}) => ({
  error: {
    message: error.message,
    type: error.type ?? "invalid_request_error",
    param: error.param ?? null,
    code: error.code ?? null
  }
})

/** The body of `GET /v1/models`. */
export const modelsBody = (ids: ReadonlyArray<string>) => ({
  object: "list",
  data: ids.map((id) => ({ id, object: "model", created: 0, owned_by: "parley" }))
})
