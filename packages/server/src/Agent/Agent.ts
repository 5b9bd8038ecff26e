import type { MessageId, SessionId } from "@parley/domain/Sessions"
import { ValidationError } from "@parley/domain/Errors"
import { fileURLToPath } from "node:url"
import { Context, DateTime, Effect, FileSystem, Layer } from "effect"
import type { Memory } from "./AgentMemory.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { ModelBreaker } from "./ModelBreaker.ts"
import { ModelEndpoint } from "./ModelEndpoint.ts"
import type { TurnModelError } from "./ModelError.ts"
import { modelOptions, modelsOf, settings } from "./settings.ts"
import { Tools } from "./Tools/Tools.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import * as Window from "./Window.ts"

export type AgentEvent =
  | { readonly _tag: "Token"; readonly content: string }
  | { readonly _tag: "Tool"; readonly name: string; readonly status: "started" | "finished" | "failed" }

/** Tokens of one call of the model. */
export interface ModelUsage {
  /** As who answered calls itself; and as it was asked for. */
  readonly model: string
  readonly requestedModel: string
  readonly inputTokens: number
  readonly outputTokens: number
  /** The call did not get to where the provider tells its count. */
  readonly isEstimated: boolean
  readonly purpose: "answer" | "summary"
  /** Nothing came of it that could be used. */
  readonly isInVain: boolean
}

export interface Answer {
  readonly content: string
  /** What the agent will remember of the turn, once it is committed with the rest of it. */
  readonly memory: Memory
}

export interface Question {
  readonly sessionId: SessionId
  readonly messageId: MessageId
  readonly content: string
  /** Told as it happens; its slowness is felt upstream. */
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
  /** Told once of each call of the model that is to be paid for, whatever becomes of the answer. */
  readonly onUsage: (usage: ModelUsage) => Effect.Effect<void>
}

/** Room for the 120 words that a summary should have, in any language. */
const summaryMaxTokens = 500

/** Answers questions, with what was said before in mind. Writes nothing; interrupting it ends the upstream request. */
export class Agent extends Context.Service<
  Agent,
  {
    /** A question that the model could not be shown is refused before it is asked. */
    readonly answer: (question: Question) => Effect.Effect<Answer, TurnModelError | ValidationError>
  }
>()("@parley/server/Agent") {
  static readonly layerNoDeps = Layer.effect(
    Agent,
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint
      const checkpoints = yield* CheckpointRepo
      const tools = yield* Tools
      const breaker = yield* ModelBreaker
      const metrics = yield* Metrics
      const fs = yield* FileSystem.FileSystem
      const prompt = (name: string) =>
        Effect.orDie(fs.readFileString(fileURLToPath(new URL(`./prompts/${name}.md`, import.meta.url))))
      const systemTemplate = yield* prompt("system")
      const summaryPrompt = yield* prompt("summary")
      const options = yield* modelOptions
      yield* metrics.modelsKnown(modelsOf(endpoint, options))
      const agentName = yield* settings.agentName.config
      const contextTokens = yield* settings.contextTokens.config
      const totalTimeout = yield* settings.totalTimeout.config

      // LangChain takes two seconds to load, and the first request may not need it: it loads beside the boot.
      const loaded = yield* Effect.cached(
        Effect.gen(function* () {
          const { CheckpointStaging, Graph, Model } = yield* Effect.promise(() => import("./langchain.ts"))
          return {
            run: Graph.run,
            model: Model.make(endpoint, breaker, metrics, tools, options),
            // A summary that fails is tried again in the next turn.
            summarizer: Model.make(endpoint, breaker, metrics, [], {
              ...options,
              maxAttempts: 1,
              maxTokens: summaryMaxTokens
            }),
            stage: CheckpointStaging.stage
          }
        })
      )
      yield* Effect.forkScoped(loaded)

      const tooLong = new ValidationError({
        errors: [
          {
            field: "content",
            message: `Is too long for the model: at most ${contextTokens} tokens of about three characters`
          }
        ]
      })

      // Its span is that of the graph.
      const answer = Effect.fnUntraced(function* (question: Question) {
        if (Window.tokensOfText(question.content) > contextTokens) return yield* tooLong
        const { model, run, stage, summarizer } = yield* loaded
        const today = DateTime.formatIsoDateUtc(yield* DateTime.now)
        const systemPrompt = systemTemplate.replaceAll("{{agent_name}}", () => agentName).replaceAll("{{date}}", today)
        const graph = Effect.gen(function* () {
          const memory = yield* Effect.provideService(stage(question.sessionId), CheckpointRepo, checkpoints)
          const content = yield* run({
            ...question,
            systemPrompt,
            summaryPrompt,
            model,
            summarizer,
            tools,
            contextTokens,
            totalTimeout,
            checkpointer: memory.saver
          })
          return { content, memory: yield* Effect.orDie(Effect.fromOption(memory.staged())) }
        })
        // What LangGraph reads by its saver belongs to the graph as well.
        return yield* Effect.withSpan(graph, "Graph.run")
      })

      return Agent.of({ answer })
    })
  )

  static readonly layer = Agent.layerNoDeps.pipe(Layer.provide([CheckpointRepo.layer, ModelBreaker.layer]))
}
