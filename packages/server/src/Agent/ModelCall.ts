/** One request to a model: passed on as it comes, interruptible down to the socket, and what it took is told once. */
import { AIMessage, AIMessageChunk, type BaseMessage, type ToolCallChunk } from "@langchain/core/messages"
import type { ChatGenerationChunk } from "@langchain/core/outputs"
import { Clock, Duration, Effect, Exit, Option, Predicate, Random, Schema } from "effect"
import type { ModelUsage } from "./Agent.ts"
import { joiner, storable } from "./characters.ts"
import { classify, contentFiltered, cutOff, cutShort, emptyAnswer, type ModelCallFailed, silent } from "./ModelError.ts"
import type { Metrics } from "../Telemetry/Metrics.ts"
import { TurnFacts } from "../Telemetry/TurnFacts.ts"
import * as ToolCalls from "./ToolCalls.ts"
import { tokensOf } from "./Window.ts"

/** A model and its tools, as a request to it goes over the wire. */
export interface Chat {
  /** As it was asked for; who answers may call itself differently. */
  readonly model: string
  readonly stream: (messages: Array<BaseMessage>, signal: AbortSignal) => AsyncIterable<ChatGenerationChunk>
}

export interface Listener {
  /** Each piece of the answer's text as it comes; its slowness is felt upstream. */
  readonly onText: (text: string) => Effect.Effect<void>
  /** Once for each request that is to be paid for, also one that failed or was interrupted. */
  readonly onUsage: (usage: ModelUsage) => Effect.Effect<void>
}

/** What has come so far: put together here, because most chunks are nothing but text. */
interface Heard {
  isBegun: boolean
  text: string
  /** Calls of tools, in the pieces in which they come. */
  calls: AIMessageChunk | undefined
  finishReason: string | undefined
  /** The provider tells which model really answered, often with its date. */
  modelName: string | undefined
  counted: unknown
  readonly withId: (piece: ToolCallChunk) => ToolCallChunk
  /** When the first chunk came. */
  beganAt: number | undefined
  /** When something last came; never while it is being passed on, for then it is not the model that is silent. */
  at: number
}

const named = (value: unknown): string | undefined => (Predicate.isString(value) && value !== "" ? value : undefined)

/** Gives the text of a chunk. Of several choices, which nobody asked for, the first is heard. */
const hear = (heard: Heard, { generationInfo, message, text }: ChatGenerationChunk): string => {
  if (generationInfo?.["completion"]) return ""
  heard.isBegun = true
  heard.text += text
  heard.finishReason = named(generationInfo?.["finish_reason"]) ?? heard.finishReason
  heard.modelName = named(generationInfo?.["model_name"]) ?? heard.modelName
  if (!AIMessageChunk.isInstance(message)) return text
  heard.counted = message.usage_metadata ?? heard.counted
  const { tool_call_chunks = [] } = message
  if (tool_call_chunks.length > 0) {
    const calls = new AIMessageChunk({ content: "", tool_call_chunks: tool_call_chunks.map(heard.withId) })
    heard.calls = heard.calls === undefined ? calls : heard.calls.concat(calls)
  }
  return text
}

/** Some servers name no calls, but answers to them must name what they answer. */
const namingCalls = (seed: number) => {
  let count = 0
  return (piece: ToolCallChunk): ToolCallChunk =>
    named(piece.name) === undefined || named(piece.id) !== undefined
      ? piece
      : { ...piece, id: `call_${seed.toString(36)}_${count++}` }
}

/**
 * What the model needs to see again, and nothing of the provider's bookkeeping, which would be stored with it. Nor its
 * id: LangGraph gives one of its own, and a message whose id is known replaces the one that has it, while some providers
 * use theirs again.
 */
const answerOf = ({ calls, text }: Heard): AIMessage =>
  new AIMessage({
    content: storable(text),
    tool_calls: calls === undefined ? [] : [...(calls.tool_calls ?? []), ...ToolCalls.malformed(calls)]
  })

/** Fails when nothing comes for `silenceLimit`, before the first token or between tokens. */
export const run = (
  chat: Chat,
  messages: ReadonlyArray<BaseMessage>,
  silenceLimit: Duration.Duration,
  { onText, onUsage }: Listener,
  metrics: Metrics["Service"]
): Effect.Effect<AIMessage, ModelCallFailed> =>
  Effect.flatMap(Random.nextIntBetween(0, 2 ** 31), (seed) => {
    const heard: Heard = {
      isBegun: false,
      text: "",
      calls: undefined,
      finishReason: undefined,
      modelName: undefined,
      counted: undefined,
      withId: namingCalls(seed),
      beganAt: undefined,
      at: 0
    }
    const characters = joiner()
    const tell = (exit: Exit.Exit<unknown, ModelCallFailed>) => {
      const usage = usageOf(chat.model, messages, heard, exit)
      if (usage === undefined) return Effect.void
      return Effect.andThen(metrics.tokensUsed(chat.model, usage.inputTokens, usage.outputTokens), onUsage(usage))
    }
    const passOn = (text: string): Effect.Effect<void> => {
      if (text === "") return Effect.void
      heard.at = Infinity
      return onText(text)
    }
    const listen = Effect.gen(function* () {
      const upstream = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      const call = <A>(evaluate: () => PromiseLike<A>) => Effect.tryPromise({ try: evaluate, catch: classify })
      const clock = yield* Clock.Clock
      const iterator = chat.stream([...messages], upstream.signal)[Symbol.asyncIterator]()
      while (true) {
        const next = yield* call(() => iterator.next())
        if (next.done === true) break
        heard.beganAt ??= clock.currentTimeMillisUnsafe()
        yield* passOn(characters.add(hear(heard, next.value)))
        heard.at = clock.currentTimeMillisUnsafe()
      }
      yield* passOn(characters.end())
      return yield* judged(heard)
    }).pipe(Effect.scoped)

    return Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
      heard.at = startedAt
      return Effect.raceFirst(listen, silence(silenceLimit, heard)).pipe(
        Effect.onExit((exit) => Effect.andThen(called(chat.model, startedAt, heard, exit, metrics), tell(exit)))
      )
    })
  })

/** Counts the call. One that was given up because the turn's time is over was too slow; other interrupts are not its fault. */
const called = (
  model: string,
  startedAt: number,
  { beganAt }: Heard,
  exit: Exit.Exit<unknown, ModelCallFailed>,
  metrics: Metrics["Service"]
) =>
  Effect.gen(function* () {
    const { deadlineMillis } = yield* TurnFacts
    const now = yield* Clock.currentTimeMillis
    const failed = Option.getOrUndefined(Exit.findErrorOption(exit))
    const givenUp = now >= deadlineMillis ? "timeout" : "cancelled"
    yield* metrics.modelCalled({
      model,
      seconds: (now - startedAt) / 1000,
      firstChunkSeconds: beganAt === undefined ? undefined : (beganAt - startedAt) / 1000,
      error: Exit.isSuccess(exit) ? undefined : (failed?.reason ?? givenUp)
    })
  })

/** Whether an answer is one that a turn can go on with. */
const judged = (heard: Heard): Effect.Effect<AIMessage, ModelCallFailed> => {
  const { finishReason } = heard
  // A proxy may end a stream that its server did not.
  if (finishReason === undefined) return Effect.fail(cutShort)
  if (finishReason === "content_filter") return Effect.fail(contentFiltered)
  const answer = answerOf(heard)
  const calls = ToolCalls.of(answer).length
  // The client library mends arguments that were cut off; a tool must not run with half of them.
  if (finishReason === "length" && calls > 0) return Effect.fail(cutOff)
  return answer.text === "" && calls === 0 ? Effect.fail(emptyAnswer) : Effect.succeed(answer)
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
    isInVain: Exit.isFailure(exit)
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
