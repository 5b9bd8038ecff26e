/** An agent that is no LangGraph: it says what it is told, word by word, and remembers that it was asked. */
import { Effect, Layer } from "effect"
import { Agent, type Conversation, type Question } from "../src/Agent/Agent.ts"

const usage = {
  model: "parrot",
  requestedModel: "parrot",
  inputTokens: 3,
  outputTokens: 4,
  isEstimated: false,
  purpose: "answer",
  isInVain: false
} as const

const say = Effect.fnUntraced(function* (content: string, { onEvent, onUsage }: Pick<Question, "onEvent" | "onUsage">) {
  for (const word of content.split(/(?= )/u)) yield* onEvent({ _tag: "Token", content: word })
  yield* onUsage(usage)
  return content
})

export const parrot = Layer.succeed(Agent, {
  models: ["parrot"],
  complete: (conversation: Conversation) => say(conversation.messages.at(-1)?.content ?? "", conversation),
  answer: Effect.fnUntraced(function* (question: Question) {
    const { messageId, sessionId } = question
    const content = yield* say(question.content, question)
    const checkpoint = { checkpoint_ns: "", checkpoint_id: messageId, parent_checkpoint_id: null }
    return {
      content,
      memory: {
        thread_id: sessionId,
        checkpoints: [{ ...checkpoint, checkpoint: '{"channel_versions":{}}', metadata: "{}" }],
        blobs: [],
        writes: []
      }
    }
  })
})
