/** Answers of the agent itself: what the server would say, with its prompt, tools and model. */
import { randomUUID } from "node:crypto"
import { Clock, Effect } from "effect"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import { Agent } from "@parley/server/Agent/Agent"
import * as Standalone from "@parley/server/Agent/Standalone"
import type { Sample } from "../Evaluation.ts"

/** The question with its answer, or with why there is none. Each is a conversation of its own. */
export const answer = Effect.fn("Live.answer")(function* (question: Sample) {
  const agent = yield* Agent
  const startedAt = yield* Clock.currentTimeMillis
  const toolCalls: Array<string> = []
  let costEur = 0
  const prices = yield* Effect.context<Effect.Services<ReturnType<typeof Standalone.costEur>>>()
  const asked = agent.answer({
    sessionId: SessionId.make(randomUUID()),
    messageId: MessageId.make(randomUUID()),
    content: question.input,
    onEvent: (event) =>
      Effect.sync(() => {
        if (event._tag === "Tool" && event.status === "started") toolCalls.push(event.name)
      }),
    onUsage: ({ inputTokens, model, outputTokens }) =>
      Standalone.costEur(model, inputTokens, outputTokens).pipe(
        Effect.provideContext(prices),
        Effect.map((euros) => void (costEur += euros))
      )
  })
  const outcome = yield* Effect.match(asked, {
    onSuccess: ({ content }) => ({ output: content }),
    onFailure: (error) => ({
      error: "errors" in error ? error.errors.map(({ message }) => message).join("; ") : error.detail
    })
  })
  const latencyMillis = (yield* Clock.currentTimeMillis) - startedAt
  return { ...question, ...outcome, latencyMillis, costEur, toolCalls }
})
