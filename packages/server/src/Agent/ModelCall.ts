/** One request to a model: passed on as it comes, interruptible down to the socket, and what it took is told once. */
import type { AIMessage, BaseMessage } from "@langchain/core/messages"
import type { ChatGenerationChunk } from "@langchain/core/outputs"
import { Clock, Duration, Effect, Exit, Option, Random, Schema } from "effect"
import type { ModelUsage } from "./Agent.ts"
import { joiner } from "./characters.ts"
import { answerOf, hear, type Heard, nothingYet } from "./Heard.ts"
import * as ModelSpan from "../Telemetry/ModelSpan.ts"
import { classify, contentFiltered, cutOff, cutShort, emptyAnswer, type ModelCallFailed, silent } from "./ModelError.ts"
import type { Metrics } from "../Telemetry/Metrics.ts"
import { TurnFacts } from "../Telemetry/TurnFacts.ts"
import * as ToolCalls from "./ToolCalls.ts"
import { tokensOf } from "./Window.ts"

/** A model and its tools, as a request to it goes over the wire. */
export interface Chat {
  /** As it was asked for; who answers may call itself differently. */
  readonly model: string
  readonly parameters: ModelSpan.Parameters
  /** Reasons to finish that who asks has set: an answer that ends for one of them is whole, though nothing is in it. */
  readonly ownEnds: ReadonlyArray<string>
  readonly stream: (messages: Array<BaseMessage>, signal: AbortSignal) => AsyncIterable<ChatGenerationChunk>
}

export interface Listener {
  /** Each piece of the answer's text as it comes; its slowness is felt upstream. */
  readonly onText: (text: string) => Effect.Effect<void>
  /** Once for each request that is to be paid for, also one that failed or was interrupted. */
  readonly onUsage: (usage: ModelUsage) => Effect.Effect<void>
}

/** Fails when nothing comes for `silenceLimit`, before the first token or between tokens. */
export const run = (
  chat: Chat,
  messages: ReadonlyArray<BaseMessage>,
  silenceLimit: Duration.Duration,
  { onText, onUsage }: Listener,
  metrics: Metrics["Service"]
): Effect.Effect<AIMessage, ModelCallFailed> =>
  Effect.flatMap(Random.nextIntBetween(0, 2 ** 31), (seed) => {
    const heard = nothingYet(seed)
    const characters = joiner()
    const tell = Effect.fnUntraced(function* (exit: Exit.Exit<unknown, ModelCallFailed>, startedAt: number) {
      const usage = usageOf(chat.model, messages, heard, exit)
      yield* traced(heard, chat.model, startedAt, usage)
      if (usage === undefined) return
      yield* metrics.tokensUsed(chat.model, usage.inputTokens, usage.outputTokens)
      yield* onUsage(usage)
    })
    const passOn = (text: string): Effect.Effect<void> => {
      if (text === "") return Effect.void
      heard.at = Infinity
      return onText(text)
    }
    const listen = Effect.gen(function* () {
      const upstream = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        // One that was read to its end leaves its connection to the next.
        (controller, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => controller.abort()))
      )
      const call = <A>(evaluate: () => PromiseLike<A>) => Effect.tryPromise({ try: evaluate, catch: classify })
      const clock = yield* Clock.Clock
      const iterator = chat.stream([...messages], upstream.signal)[Symbol.asyncIterator]()
      while (true) {
        const next = yield* call(() => iterator.next())
        if (next.done === true) break
        heard.firstAt ??= clock.currentTimeMillisUnsafe()
        yield* passOn(characters.add(hear(heard, next.value)))
        heard.at = clock.currentTimeMillisUnsafe()
      }
      yield* passOn(characters.end())
      return yield* judged(heard, chat.ownEnds)
    }).pipe(Effect.scoped)

    return Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
      heard.at = startedAt
      return Effect.raceFirst(listen, silence(silenceLimit, heard)).pipe(
        Effect.onExit((exit) =>
          Effect.andThen(called(chat.model, startedAt, heard, exit, metrics), tell(exit, startedAt))
        ),
        ModelSpan.around({
          model: chat.model,
          parameters: chat.parameters,
          messages: () => messages.map(shown)
        })
      )
    })
  })

/** Counts the call. One that was given up because the turn's time is over was too slow; other interrupts are not its fault. */
const called = (
  model: string,
  startedAt: number,
  { firstAt }: Heard,
  exit: Exit.Exit<unknown, ModelCallFailed>,
  metrics: Metrics["Service"]
) =>
  Effect.gen(function* () {
    const { isOutOfTime } = yield* TurnFacts
    const now = yield* Clock.currentTimeMillis
    const failed = Option.getOrUndefined(Exit.findErrorOption(exit))
    const givenUp = isOutOfTime ? "timeout" : "cancelled"
    yield* metrics.modelCalled({
      model,
      seconds: (now - startedAt) / 1000,
      firstChunkSeconds: firstAt === undefined ? undefined : (firstAt - startedAt) / 1000,
      error: Exit.isSuccess(exit) ? undefined : (failed?.reason ?? givenUp)
    })
  })

const roles: Readonly<Record<string, string>> = { human: "user", ai: "assistant" }

/** For tracing systems that are shown what is said. */
const shown = (message: BaseMessage) => ({
  role: roles[message.type] ?? message.type,
  content: message.text,
  tool_calls: ToolCalls.of(message)
})

const decodeCached = Schema.decodeUnknownOption(
  Schema.Struct({ input_token_details: Schema.Struct({ cache_read: Schema.Int }) })
)

const traced = (heard: Heard, model: string, startedAtMillis: number, usage: ModelUsage | undefined) =>
  ModelSpan.heard({
    model: usage?.model ?? model,
    inputTokens: usage?.inputTokens,
    outputTokens: usage?.outputTokens,
    cachedTokens: Option.getOrUndefined(decodeCached(heard.counted))?.input_token_details.cache_read,
    finishReason: heard.finishReason,
    startedAtMillis,
    firstAtMillis: heard.firstAt,
    text: () => shown(answerOf(heard))
  })

/** Whether an answer is one that a turn can go on with. */
const judged = (heard: Heard, ownEnds: ReadonlyArray<string>): Effect.Effect<AIMessage, ModelCallFailed> => {
  const { finishReason } = heard
  // A proxy may end a stream that its server did not.
  if (finishReason === undefined) return Effect.fail(cutShort)
  if (finishReason === "content_filter") return Effect.fail(contentFiltered)
  const answer = answerOf(heard)
  const calls = ToolCalls.of(answer).length
  const isOwnEnd = ownEnds.includes(finishReason)
  // The client library mends arguments that were cut off; a tool must not run with half of them.
  if (finishReason === "length" && calls > 0) {
    return isOwnEnd ? Effect.succeed(answerOf({ ...heard, calls: undefined })) : Effect.fail(cutOff)
  }
  return answer.text === "" && calls === 0 && !isOwnEnd ? Effect.fail(emptyAnswer) : Effect.succeed(answer)
}

/** One timer, however many tokens come. */
const silence = (limit: Duration.Duration, heard: Heard): Effect.Effect<never, ModelCallFailed> =>
  Effect.gen(function* () {
    const limitMillis = Duration.toMillis(limit)
    while (true) {
      const silentMillis = Math.max(0, (yield* Clock.currentTimeMillis) - heard.at)
      if (silentMillis >= limitMillis) return yield* silent
      yield* Effect.sleep(limitMillis - silentMillis)
    }
  })

/** Far above any context: a count beyond is a mistake of somebody on the way, and could not be stored. */
const maxCount = 100_000_000
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxCount }))
const decodeCounted = Schema.decodeUnknownOption(Schema.Struct({ input_tokens: Count, output_tokens: Count }))

/** Names are stored, logged and shown to people. */
const isName = Schema.is(Schema.String.check(Schema.isPattern(/^\P{Cc}{1,200}$/u)))

/**
 * What a request took, if it took anything. The provider counts at the end; of one that did not get there it is an
 * estimate, of what was asked and of what came. A request that was refused, or never arrived, is free; one that nobody
 * waited for any longer was most likely read.
 */
const usageOf = (
  model: string,
  messages: ReadonlyArray<BaseMessage>,
  heard: Heard,
  exit: Exit.Exit<unknown, ModelCallFailed>
): ModelUsage | undefined => {
  const call = {
    model: isName(heard.modelName) ? heard.modelName : model,
    requestedModel: model,
    purpose: "answer" as const,
    isInVain: Exit.isFailure(exit),
    ...(heard.finishReason === "length" ? { isCutOff: true } : {})
  }
  const counted = decodeCounted(heard.counted)
  if (Option.isSome(counted)) {
    const { input_tokens, output_tokens } = counted.value
    return { ...call, inputTokens: input_tokens, outputTokens: output_tokens, isEstimated: false }
  }
  const isGivenUp = Exit.hasInterrupts(exit) || Option.contains(Exit.findErrorOption(exit), silent)
  if (!heard.isBegun && !isGivenUp) return undefined
  return {
    ...call,
    inputTokens: messages.reduce((sum, message) => sum + tokensOf(message), 0),
    outputTokens: heard.isBegun ? tokensOf(answerOf(heard)) : 0,
    isEstimated: true
  }
}
