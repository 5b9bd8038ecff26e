/** The model call: attempts while nothing has been passed on, then the other models. */
import type { AIMessage, BaseMessage } from "@langchain/core/messages"
import { ChatOpenAICompletions } from "@langchain/openai"
import { Duration, Effect, Redacted, Schedule } from "effect"
import type { Metrics } from "../Telemetry/Metrics.ts"
import { ofOthers } from "../Telemetry/TurnFacts.ts"
import * as ModelCall from "./ModelCall.ts"
import { modelFetch } from "./modelFetch.ts"
import type { ModelBreaker } from "./ModelBreaker.ts"
import type { ModelEndpoint } from "./ModelEndpoint.ts"
import type { ModelCallFailed } from "./ModelError.ts"
import { type ModelOptions, refusesTemperature } from "./settings.ts"
import type { Tool } from "./Tools/Tool.ts"

export interface Model {
  readonly answer: (
    messages: ReadonlyArray<BaseMessage>,
    listener: ModelCall.Listener
  ) => Effect.Effect<AIMessage, ModelCallFailed>
}

/** Some servers leave the role out, or empty: it is the assistant who speaks. */
class Completions extends ChatOpenAICompletions {
  protected override _convertCompletionsDeltaToBaseMessageChunk(
    ...[delta, response]: Parameters<ChatOpenAICompletions["_convertCompletionsDeltaToBaseMessageChunk"]>
  ) {
    return super._convertCompletionsDeltaToBaseMessageChunk(
      delta["role"] === "" ? { ...delta, role: "assistant" } : delta,
      response,
      "assistant"
    )
  }
}

/** Who is told to wait longer than this is better told to come back. */
const longestWait = Duration.seconds(20)

export const make = (
  endpoint: ModelEndpoint["Service"],
  breaker: ModelBreaker["Service"],
  metrics: Metrics["Service"],
  tools: ReadonlyArray<Tool>,
  options: ModelOptions
): Model => {
  const functions = tools.map(({ description, name, parameters }) => ({
    type: "function" as const,
    function: { name, description, parameters }
  }))
  const tooled = functions.length === 0 ? {} : { tools: functions }
  const stopped = options.stop === undefined || options.stop.length === 0 ? {} : { stop: [...options.stop] }
  const chatOf = (model: string): ModelCall.Chat => {
    const temperature = refusesTemperature(model) ? {} : { temperature: options.temperature }
    const chat = new Completions({
      model,
      apiKey: Redacted.value(endpoint.apiKey),
      configuration: { fetch: modelFetch, ...(endpoint.baseUrl === undefined ? {} : { baseURL: endpoint.baseUrl }) },
      maxTokens: options.maxTokens,
      // Attempts are counted here, where it is known whether a token was passed on.
      maxRetries: 0,
      streamUsage: true,
      ...temperature
    })
    // Not `stream`, which puts the whole answer together chunk by chunk and tells callbacks of it: nobody wants it.
    return {
      model,
      parameters: { ...temperature, maxTokens: options.maxTokens },
      ownEnds: options.ownEnds ?? [],
      stream: (messages, signal) => chat._streamResponseChunks(messages, { signal, ...tooled, ...stopped })
    }
  }
  const first = chatOf(endpoint.onlyModel ?? options.model)
  const others = endpoint.onlyModel === undefined ? options.fallbackModels.map(chatOf) : []

  const answer = Effect.fn("Model.answer")(function* (
    messages: ReadonlyArray<BaseMessage>,
    { onText, onUsage }: ModelCall.Listener
  ) {
    let passedOn = false
    const listener: ModelCall.Listener = {
      onText: (text) => {
        passedOn = true
        return onText(text)
      },
      onUsage
    }
    const attempts = (chat: ModelCall.Chat) => {
      let made = 0
      let failure: ModelCallFailed | undefined
      const attempt = ModelCall.run(chat, messages, options.attemptTimeout, listener, metrics).pipe(
        Effect.tapError((failed) => {
          failure = failed
          const log = Effect.logWarning(`model call failed: ${failed.kind}`)
          const check = checks[failed.reason]
          return Effect.annotateLogs(log, {
            model: chat.model,
            attempt: made,
            ...(check === undefined ? {} : { check })
          })
        })
      )
      return Effect.suspend(() => {
        const isFirst = made++ === 0
        const again = isFirst || failure === undefined ? Effect.void : metrics.modelRetried(failure.reason)
        return Effect.andThen(again, breaker.guard(chat.model, isFirst)(attempt))
      }).pipe(
        Effect.retry({
          times: options.maxAttempts - 1,
          schedule: backoff,
          while: ({ retryAfter = Duration.zero, retryable }) =>
            retryable && !passedOn && Duration.isLessThanOrEqualTo(retryAfter, longestWait)
        })
      )
    }
    const answered = others.reduce(
      (before, chat, index) =>
        Effect.catchIf(
          before,
          ({ isAboutModel }) => isAboutModel && !passedOn,
          () => Effect.andThen(metrics.modelReplaced((others[index - 1] ?? first).model, chat.model), attempts(chat))
        ),
      attempts(first)
    )
    return yield* ofOthers(answered)
  })

  return { answer }
}

/** What a person should look at, where it is not up to the provider alone. */
const checks: Partial<Record<ModelCallFailed["reason"], string>> = {
  connection: "LLM_BASE_URL",
  unauthorized: "LLM_API_KEY",
  quota: "LLM_API_KEY: its account has spent its quota",
  refused: "LLM_MODEL, LLM_BASE_URL"
}

/** Half a second doubling up to eight, jittered; longer when the provider says so. */
const backoff = Schedule.exponential("500 millis").pipe(
  Schedule.jittered,
  Schedule.setInputType<ModelCallFailed>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(Duration.max(Duration.min(duration, Duration.seconds(8)), input.retryAfter ?? Duration.zero))
  )
)
