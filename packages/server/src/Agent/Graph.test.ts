import { MemorySaver } from "@langchain/langgraph-checkpoint"
import { assert, describe, it } from "@effect/vitest"
import { SessionId } from "@parley/domain/Sessions"
import { Duration, Effect } from "effect"
import { randomUUID } from "node:crypto"
import type { AgentEvent } from "./Agent.ts"
import * as Graph from "./Graph.ts"
import type { Model } from "./Model.ts"
import { classify } from "./ModelError.ts"

const overflow = classify({ code: "context_length_exceeded" })

describe("a model that is shown too much", () => {
  it.effect.each([
    ["after it has begun to speak", "half of "],
    ["though there is nothing to leave out", ""]
  ] as const)("%s is not asked again", ([, text]) =>
    Effect.gen(function* () {
      let asked = 0
      const said: Array<AgentEvent> = []
      const model: Model = {
        answer: (_, { onText }) => {
          asked++
          return Effect.andThen(text === "" ? Effect.void : onText(text), Effect.fail(overflow))
        }
      }
      const error = yield* Effect.flip(
        Graph.run({
          said: [{ role: "user", content: "Hello", id: randomUUID() }],
          systemPrompt: "Be brief.",
          model,
          tools: [],
          totalTimeout: Duration.seconds(60),
          memory: {
            sessionId: SessionId.make(randomUUID()),
            checkpointer: new MemorySaver(),
            contextTokens: 1000,
            summarizer: model,
            summaryPrompt: "Sum up."
          },
          onEvent: (event) => Effect.sync(() => void said.push(event)),
          onUsage: () => Effect.void
        })
      )
      assert.strictEqual(error.detail, "The conversation does not fit the model's context")
      assert.strictEqual(asked, 1)
      assert.deepStrictEqual(said, text === "" ? [] : [{ _tag: "Token", content: text }])
    })
  )
})
