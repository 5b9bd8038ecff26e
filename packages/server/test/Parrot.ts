/** An agent that is no LangGraph: it says what it is told, word by word, and remembers that it was asked. */
import { Effect, Layer } from "effect"
import { Agent, type Question } from "../src/Agent/Agent.ts"

export const parrot = Layer.succeed(Agent, {
  answer: Effect.fnUntraced(function* ({ content, messageId, onEvent, onUsage, sessionId }: Question) {
    for (const word of content.split(/(?= )/u)) yield* onEvent({ _tag: "Token", content: word })
    yield* onUsage({
      model: "parrot",
      requestedModel: "parrot",
      inputTokens: 3,
      outputTokens: 4,
      isEstimated: false,
      purpose: "answer",
      isInVain: false
    })
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
