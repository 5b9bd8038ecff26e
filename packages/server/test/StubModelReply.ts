/** What a test has the model answer: text, tool calls or a refusal, when each part comes, and where it goes wrong. */
import { Duration } from "effect"
import type { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { encodeAnswer, errorBody, words } from "../src/Agent/Offline/ChatCompletionResponse.ts"
import type { Answer, Parts, Usage } from "../src/Agent/Offline/ChatCompletionResponse.ts"

/** Silence for good, the socket closed at once, or silence until the effect is done. */
export type Stop = "hang" | "cut" | Effect.Effect<void>

export interface Options {
  readonly delayBeforeHeaders?: Duration.Input
  readonly beforeHeaders?: Stop
  /** After the headers and the role, which carry no token. */
  readonly delayBeforeFirstChunk?: Duration.Input
  readonly delayBetweenChunks?: Duration.Input
  /**
   * `count` 0 is after the headers and before the first token. A chunk is a piece of text or of a tool call. An answer
   * that is not streamed stops after its headers, whatever the count.
   */
  readonly afterChunks?: { readonly count: number; readonly stop: Stop }
  /** What is not given is counted, 4 code points a token. */
  readonly usage?: Partial<Usage>
  readonly finishReason?: Answer["finishReason"]
  /** Of the completion, which providers need not make unique. */
  readonly completionId?: string
}

export interface Refusal {
  readonly status: number
  readonly message?: string
  readonly type?: string
  readonly code?: string | null
  readonly param?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, instead of OpenAI's error shape: for gateways that answer in HTML. */
  readonly body?: string
}

/** Made by the functions below, encoded once: give the same one again and again where that is cheap to do. */
export interface Reply {
  readonly content:
    | {
        readonly _tag: "Answer"
        readonly answer: Answer
        readonly parts: Parts<string>
        readonly usage: Partial<Usage>
      }
    | {
        readonly _tag: "Refusal"
        readonly status: number
        readonly headers: Readonly<Record<string, string>>
        readonly body: string
      }
  readonly headersMillis: number
  readonly firstChunkMillis: number
  readonly betweenMillis: number
  readonly beforeHeaders: Stop | undefined
  readonly afterChunks: Options["afterChunks"]
  readonly completionId: string | undefined
}

/** A text, split by word, or in the chunks given. */
export const text = (content: string | ReadonlyArray<string>, options: Options = {}): Reply =>
  answered(
    {
      content: typeof content === "string" ? words(content) : content,
      toolCalls: [],
      finishReason: options.finishReason ?? "stop"
    },
    options
  )

/** Tool calls, in parallel. `arguments` as a string is sent as it is, malformed or not. Each reply has its own ids. */
export const toolCalls = (
  calls: ReadonlyArray<{ readonly name: string; readonly arguments: string | object; readonly id?: string }>,
  options: Options & { readonly text?: string } = {}
): Reply =>
  answered(
    {
      content: words(options.text ?? ""),
      toolCalls: calls.map((call) => ({
        id: call.id ?? `call_${randomUUID()}`,
        type: "function",
        function: {
          name: call.name,
          arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments)
        }
      })),
      finishReason: options.finishReason ?? "tool_calls"
    },
    options
  )

export const refusal = (error: Refusal, options: Options = {}): Reply => ({
  content: {
    _tag: "Refusal",
    status: error.status,
    headers: { "content-type": "application/json", ...error.headers },
    body:
      error.body ?? JSON.stringify(errorBody({ ...error, message: error.message ?? `stub refusal ${error.status}` }))
  },
  ...timing(options)
})

/** Never an answer, not even headers. */
export const hang: Reply = text("", { beforeHeaders: "hang" })

/** Worth another try after `retryAfterSeconds`. */
export const rateLimited = (retryAfterSeconds?: number): Reply =>
  refusal({
    status: 429,
    type: "requests",
    code: "rate_limit_exceeded",
    message: "Rate limit reached for requests",
    ...(retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(retryAfterSeconds) } })
  })

/** A 429 that no other try mends. */
export const insufficientQuota: Reply = refusal({
  status: 429,
  type: "insufficient_quota",
  code: "insufficient_quota",
  message: "You exceeded your current quota, please check your plan and billing details."
})

export const contextLengthExceeded: Reply = refusal({
  status: 400,
  code: "context_length_exceeded",
  param: "messages",
  message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens."
})

/** The prompt was refused. For an answer cut by the filter use `finishReason: "content_filter"`. */
export const contentFiltered: Reply = refusal({
  status: 400,
  code: "content_filter",
  param: "prompt",
  message: "The response was filtered due to the prompt triggering the content management policy."
})

// Declared as functions, because the replies above are made while this file loads.

function answered(answer: Answer, options: Options): Reply {
  return {
    content: { _tag: "Answer", answer, parts: encodeAnswer(answer), usage: options.usage ?? {} },
    ...timing(options)
  }
}

function timing(options: Options) {
  return {
    headersMillis: Duration.toMillis(options.delayBeforeHeaders ?? 0),
    firstChunkMillis: Duration.toMillis(options.delayBeforeFirstChunk ?? 0),
    betweenMillis: Duration.toMillis(options.delayBetweenChunks ?? 0),
    beforeHeaders: options.beforeHeaders,
    afterChunks: options.afterChunks,
    completionId: options.completionId
  }
}
