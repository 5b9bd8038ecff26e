import type { MessageId, SessionId } from "@parley/domain/Sessions"
import { ValidationError } from "@parley/domain/Errors"
import { fileURLToPath } from "node:url"
import { Context, DateTime, Effect, FileSystem, Layer } from "effect"
import type { Memory } from "./AgentMemory.ts"
import { storable } from "./characters.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import { ModelBreaker } from "./ModelBreaker.ts"
import { ModelEndpoint } from "./ModelEndpoint.ts"
import { tooLong as conversationTooLong, type TurnModelError } from "./ModelError.ts"
import { type ModelOptions, modelOptions, modelsOf, settings } from "./settings.ts"
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
  /** It ended at the most tokens it may have. */
  readonly isCutOff?: boolean
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

/** What was said: by a person, by the agent, or by whoever made the program that the person uses. */
export interface Said {
  readonly role: "system" | "user" | "assistant"
  readonly content: string
}

/** A conversation that the caller keeps: all of it comes with each question. */
export interface Conversation extends Pick<Question, "onEvent" | "onUsage"> {
  readonly messages: ReadonlyArray<Said>
  /** One of `models`. Those after it are asked when it is not to be had. */
  readonly model: string
  readonly temperature?: number | undefined
  /** At the most what is configured. */
  readonly maxTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
}

/** Room for the 120 words that a summary should have, in any language. */
const summaryMaxTokens = 500

/** Answers questions, with what was said before in mind. Writes nothing; interrupting it ends the upstream request. */
export class Agent extends Context.Service<
  Agent,
  {
    /** A question that the model could not be shown is refused before it is asked. */
    readonly answer: (question: Question) => Effect.Effect<Answer, TurnModelError | ValidationError>
    /** The same agent, with nothing in mind but the conversation: it is shown whole or not at all. */
    readonly complete: (conversation: Conversation) => Effect.Effect<string, TurnModelError>
    /** In the order in which they are asked. */
    readonly models: ReadonlyArray<string>
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
      const models = modelsOf(endpoint, options)
      yield* metrics.modelsKnown(models)
      const agentName = yield* settings.agentName.config
      const contextTokens = yield* settings.contextTokens.config
      const totalTimeout = yield* settings.totalTimeout.config

      // LangChain takes two seconds to load, and the first request may not need it: it loads beside the boot.
      const loaded = yield* Effect.cached(
        Effect.gen(function* () {
          const { CheckpointStaging, Graph, Model } = yield* Effect.promise(() => import("./langchain.ts"))
          return {
            run: Graph.run,
            modelWith: (changed: Partial<ModelOptions>) =>
              Model.make(endpoint, breaker, metrics, tools, { ...options, ...changed }),
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

      const systemPrompt = Effect.map(DateTime.now, (now) =>
        systemTemplate
          .replaceAll("{{agent_name}}", () => agentName)
          .replaceAll("{{date}}", DateTime.formatIsoDateUtc(now))
      )

      // Its span is that of the graph.
      const answer = Effect.fnUntraced(function* (question: Question) {
        if (Window.tokensOfText(question.content) > contextTokens) return yield* tooLong
        const { model, run, stage, summarizer } = yield* loaded
        const instructions = yield* systemPrompt
        const graph = Effect.gen(function* () {
          const memory = yield* Effect.provideService(stage(question.sessionId), CheckpointRepo, checkpoints)
          const content = yield* run({
            ...question,
            said: [{ role: "user", content: question.content, id: question.messageId }],
            systemPrompt: instructions,
            model,
            tools,
            totalTimeout,
            memory: {
              sessionId: question.sessionId,
              checkpointer: memory.saver,
              contextTokens,
              summarizer,
              summaryPrompt
            }
          })
          return { content, memory: yield* Effect.orDie(Effect.fromOption(memory.staged())) }
        })
        // What LangGraph reads by its saver belongs to the graph as well.
        return yield* Effect.withSpan(graph, "Graph.run")
      })

      const complete = Effect.fn("Agent.complete")(function* (conversation: Conversation) {
        const { maxTokens = options.maxTokens, messages, stop = [], temperature = options.temperature } = conversation
        const tokens = messages.reduce((sum, { content }) => sum + Window.tokensOfText(content), 0)
        if (tokens > contextTokens) return yield* conversationTooLong
        const { modelWith, run } = yield* loaded
        const [model = options.model, ...fallbackModels] = models.slice(models.indexOf(conversation.model))
        // Some models take instructions only once, at the beginning.
        const begins = messages.findIndex(({ role }) => role !== "system")
        const [instructions, said] = [messages.slice(0, begins), messages.slice(begins)]
        const turn = run({
          ...conversation,
          said,
          systemPrompt: [yield* systemPrompt, ...instructions.map(({ content }) => storable(content))].join("\n\n"),
          model: modelWith({
            model,
            fallbackModels,
            temperature,
            maxTokens: Math.min(maxTokens, options.maxTokens),
            stop,
            ownEnds: [...(conversation.maxTokens === undefined ? [] : ["length"]), ...(stop.length > 0 ? ["stop"] : [])]
          }),
          tools,
          totalTimeout,
          memory: undefined
        })
        return yield* Effect.withSpan(turn, "Graph.run")
      })

      return Agent.of({ answer, complete, models })
    })
  )

  static readonly layer = Agent.layerNoDeps.pipe(Layer.provide([CheckpointRepo.layer, ModelBreaker.layer]))
}
