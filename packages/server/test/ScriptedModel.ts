/** A model whose answer to a message was decided when the message was made, however many are asked at once. */
import { Deferred, Effect, Schema } from "effect"
import type { ChatCompletionRequest } from "../src/Agent/Offline/ChatCompletionRequest.ts"
import { StubModel } from "./StubModel.ts"
import * as Reply from "./StubModelReply.ts"

/** What a message meets when the model is asked for the first time. Later it is answered. */
export const Fate = Schema.Literals(["answer", "rate limit", "failure", "cut", "malformed tool call"])
export type Fate = typeof Fate.Type

/** What a turn fails with that meets it. */
export const failureOf: Readonly<Record<Fate, string | undefined>> = {
  answer: undefined,
  "rate limit": "The model is unavailable",
  failure: "The model failed to answer",
  cut: "The model is unavailable",
  "malformed tool call": undefined
}

export interface Plan {
  readonly fate: Fate
  /** Between the words of the answer. */
  readonly pauseMillis: number
  /** The prompt's, by which the usage of each message is told from others. */
  readonly tokens: number
  /** Done when the model is asked. */
  readonly asked: Deferred.Deferred<void>
  /** Calls that were given all there was to say: an answer, or a tool call. */
  answers: number
}

export const answerTo = (content: string): string => `This is what I say to ${content}`

/** What people and the model said, without what was told the model beside it. */
export const shown = ({ messages }: ChatCompletionRequest): ReadonlyArray<string> =>
  messages.flatMap(({ content, role }) =>
    (role === "user" || role === "assistant") && typeof content === "string" && content !== "" ? [content] : []
  )

const summary = "They talked."

/** Whether a summary stood for what was said longer ago. */
export const isCondensed = ({ messages: [first] }: ChatCompletionRequest): boolean =>
  typeof first?.content === "string" && first.content.includes(summary)

/** What tools were asked by the model and have not answered. */
export const unanswered = ({ messages }: ChatCompletionRequest): ReadonlyArray<string> => {
  const answered = new Set(messages.map((message) => (message.role === "tool" ? message.tool_call_id : "")))
  return messages
    .flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []))
    .flatMap(({ id }) => (answered.has(id) ? [] : [id]))
}

/** Teaches the stub; gives the plans, by the content of the message. */
export const teach = Effect.gen(function* () {
  const stub = yield* StubModel
  const plans = new Map<string, Plan>()
  const met = new Set<Plan>()

  const replyTo = (content: string, { pauseMillis, tokens }: Plan, fate: Fate) => {
    const options = { delayBetweenChunks: pauseMillis, usage: { promptTokens: tokens } }
    switch (fate) {
      case "answer":
        return Reply.text(answerTo(content), options)
      case "cut":
        return Reply.text(answerTo(content), { ...options, afterChunks: { count: 2, stop: "cut" } })
      case "malformed tool call":
        return Reply.toolCalls([{ name: "current_time", arguments: '{"time_zone": ' }], options)
      case "rate limit":
        return Reply.rateLimited()
      case "failure":
        return Reply.refusal({ status: 500 })
    }
  }

  yield* stub.handle((request) => {
    const content = shown(request).at(-1) ?? ""
    const plan = plans.get(content)
    // A summary, which is nobody's message.
    if (plan === undefined) return Reply.text(summary, { usage: { promptTokens: 0 } })
    Deferred.doneUnsafe(plan.asked, Effect.void)
    const fate = met.has(plan) ? "answer" : plan.fate
    met.add(plan)
    if (fate === "answer" || fate === "malformed tool call") plan.answers++
    return replyTo(content, plan, fate)
  })
  return plans
})
