/** A completion in OpenAI's words: whole, or in the chunks of a stream. */
import type { ChatCompletion } from "@parley/domain/OpenAi"
import type { Completion } from "../Chat/Completions.ts"
import { comment, type Encoding } from "../Chat/Sse.ts"
import { type Failure, refused } from "./refusals.ts"

/** `model` is the one that was asked for: which one answers is known at the end. */
export interface Head {
  readonly id: string
  readonly created: number
  readonly model: string
}

export const completionOf = (head: Head, { content, isCutOff, usage }: Completion): ChatCompletion => ({
  ...head,
  object: "chat.completion",
  model: usage.model,
  choices: [
    {
      index: 0,
      message: { role: "assistant", content, refusal: null },
      logprobs: null,
      finish_reason: isCutOff ? "length" : "stop"
    }
  ],
  usage: usageOf(usage)
})

const usageOf = ({ input_tokens, output_tokens }: Completion["usage"]) => ({
  prompt_tokens: input_tokens,
  completion_tokens: output_tokens,
  total_tokens: input_tokens + output_tokens
})

const textEncoder = new TextEncoder()

/** Of one stream. */
export const chunks = (head: Head, includeUsage: boolean): Encoding<Completion, Failure> => {
  const noUsage = includeUsage ? { usage: null } : {}
  const chunk = (choices: ReadonlyArray<object>, more: object, model = head.model) =>
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", model, choices, ...more })}\n\n`
  const piece = (delta: object, finish_reason: string | null = null, model?: string) =>
    chunk([{ index: 0, delta, logprobs: null, finish_reason }], noUsage, model)

  let opening = piece({ role: "assistant", content: "" })
  return {
    events: (batch) => {
      let text = opening
      opening = ""
      for (const event of batch) {
        if (event._tag === "Token") text += piece({ content: event.content })
        else if (event._tag === "Done") {
          const { isCutOff, usage } = event.answer
          text += piece({}, isCutOff ? "length" : "stop", usage.model)
          if (includeUsage) text += chunk([], { usage: usageOf(usage) }, usage.model)
          text += "data: [DONE]\n\n"
        }
        // What tools do has no words here, but shows that something is done.
        else text += comment
      }
      return textEncoder.encode(text)
    },
    error: (failure) => textEncoder.encode(`data: ${JSON.stringify(refused(failure).body)}\n\n`)
  }
}
