/** The model call: one effect, interruptible down to the socket, retried while nothing has been passed on. */
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages"
import { ChatOpenAI } from "@langchain/openai"
import { Clock, Duration, Effect, Predicate, Redacted, Schedule } from "effect"
import { classify, contentFiltered, cutOff, emptyAnswer, type ModelCallFailed, timedOut } from "./ModelError.ts"
import type { ModelEndpoint } from "./ModelEndpoint.ts"
import type { ModelOptions } from "./settings.ts"
import type { Tool } from "./Tools/Tool.ts"

/** Reasoning models refuse a temperature. */
const refusesTemperature = (model: string): boolean => /^(?:o\d|gpt-5)/u.test(model)

export const make = (endpoint: ModelEndpoint["Service"], tools: ReadonlyArray<Tool>, options: ModelOptions) => {
  const { attemptTimeout, maxAttempts, maxTokens, model, temperature } = options
  const chat = new ChatOpenAI({
    model,
    apiKey: Redacted.value(endpoint.apiKey),
    configuration: { ...(endpoint.baseUrl === undefined ? {} : { baseURL: endpoint.baseUrl }) },
    maxTokens,
    // Attempts are counted here, where it is known whether a token was passed on.
    maxRetries: 0,
    streamUsage: true,
    useResponsesApi: false,
    ...(refusesTemperature(model) ? {} : { temperature })
  })
  const functions = tools.map(({ description, name, parameters }) => ({
    type: "function" as const,
    function: { name, description, parameters }
  }))
  const bound = functions.length === 0 ? chat : chat.bindTools(functions)

  /** One request. `onText` is called with each piece of the answer, and its slowness is felt upstream. */
  const attempt = Effect.fnUntraced(function* (
    messages: ReadonlyArray<BaseMessage>,
    onText: (text: string) => Effect.Effect<void>
  ) {
    const upstream = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (controller) => Effect.sync(() => controller.abort())
    )
    const call = <A>(evaluate: () => Promise<A>) => Effect.tryPromise({ try: evaluate, catch: classify })
    const chunks = yield* call(() => bound.stream([...messages], { signal: upstream.signal, callbacks: [] }))
    const iterator = chunks[Symbol.asyncIterator]()
    let answer: AIMessageChunk | undefined
    while (true) {
      const next = yield* call(() => iterator.next())
      if (next.done === true) break
      answer = answer === undefined ? next.value : answer.concat(next.value)
      if (next.value.text !== "") yield* onText(next.value.text)
    }
    if (answer === undefined) return yield* classify(new TypeError("terminated"))
    const { finish_reason } = answer.response_metadata
    if (finish_reason === "content_filter") return yield* contentFiltered
    // The client library mends arguments that were cut off; a tool must not run with half of them.
    if (finish_reason === "length" && (answer.tool_calls ?? []).length > 0) return yield* cutOff
    if (answer.text === "" && (answer.tool_calls ?? []).length + (answer.invalid_tool_calls ?? []).length === 0) {
      return yield* emptyAnswer
    }
    return answer
  }, Effect.scoped)

  const answer = Effect.fn("Model.answer")(function* (
    messages: ReadonlyArray<BaseMessage>,
    onText: (text: string) => Effect.Effect<void>
  ) {
    let passedOn = false
    const oneAttempt = Effect.suspend(() => {
      let activeAt = 0
      const touch = Effect.map(Clock.currentTimeMillis, (now) => {
        activeAt = now
      })
      const run = attempt(messages, (text) => {
        passedOn = true
        return Effect.andThen(onText(text), touch)
      })
      return Effect.andThen(touch, Effect.raceFirst(run, silence(attemptTimeout, () => activeAt)))
    })
    const message = yield* oneAttempt.pipe(
      Effect.tapError(({ kind }) => Effect.logWarning(`model call failed: ${kind}`)),
      Effect.retry({
        times: maxAttempts - 1,
        schedule: backoff,
        while: (failure: ModelCallFailed) => failure.retryable && !passedOn
      })
    )
    const { input_tokens = 0, output_tokens = 0 } = message.usage_metadata ?? {}
    // The provider tells which model really answered, often with its date.
    const answeredBy = message.response_metadata["model_name"]
    return {
      message,
      usage: {
        model: Predicate.isString(answeredBy) ? answeredBy : model,
        inputTokens: input_tokens,
        outputTokens: output_tokens
      }
    }
  })

  return { answer }
}

export type Model = ReturnType<typeof make>

/** Fails when nothing was heard for `limit`. One timer, however many tokens come. */
const silence = (limit: Duration.Duration, activeAt: () => number): Effect.Effect<never, ModelCallFailed> =>
  Effect.gen(function* () {
    while (true) {
      const left = activeAt() + Duration.toMillis(limit) - (yield* Clock.currentTimeMillis)
      if (left <= 0) return yield* timedOut("silence")
      yield* Effect.sleep(left)
    }
  })

/** Half a second doubling up to eight, jittered; longer when the provider says so. */
const backoff = Schedule.exponential("500 millis").pipe(
  Schedule.jittered,
  Schedule.setInputType<ModelCallFailed>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(Duration.max(Duration.min(duration, Duration.seconds(8)), input.retryAfter ?? Duration.zero))
  )
)
