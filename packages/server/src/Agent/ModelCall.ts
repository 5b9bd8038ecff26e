/** One request to a model: passed on as it comes, interruptible down to the socket, and what it took is told once. */
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages"
import type { ChatGenerationChunk } from "@langchain/core/outputs"
import { Clock, Duration, Effect, Exit, Option, Schema } from "effect"
import type { ModelUsage } from "./Agent.ts"
import { joiner } from "./characters.ts"
import { classify, contentFiltered, cutOff, cutShort, emptyAnswer, type ModelCallFailed, silent } from "./ModelError.ts"
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

/** What has come so far. */
interface Heard {
  text: string
  /** Whatever is more than text: calls of tools, how it ended, what it took. Most chunks are nothing but text. */
  rest: AIMessageChunk | undefined
  /** When something last came; never while it is being passed on, for then it is not the model that is silent. */
  at: number
}

const hear = (heard: Heard, { generationInfo, message, text }: ChatGenerationChunk): void => {
  heard.text += text
  if (!AIMessageChunk.isInstance(message)) return
  const isText = message.usage_metadata === undefined && !message.tool_call_chunks?.length
  if (isText && generationInfo?.["finish_reason"] === undefined) return
  message.content = ""
  message.response_metadata = { ...generationInfo, ...message.response_metadata }
  heard.rest = heard.rest === undefined ? message : heard.rest.concat(message)
}

/** Nothing, when nothing came. */
const answerOf = ({ rest, text }: Heard): AIMessageChunk | undefined => {
  if (text === "") return rest
  const spoken = new AIMessageChunk(text)
  return rest === undefined ? spoken : rest.concat(spoken)
}

/** Fails when nothing comes for `silenceLimit`, before the first token or between tokens. */
export const run = (
  chat: Chat,
  messages: ReadonlyArray<BaseMessage>,
  silenceLimit: Duration.Duration,
  { onText, onUsage }: Listener
): Effect.Effect<AIMessageChunk, ModelCallFailed> =>
  Effect.suspend(() => {
    const heard: Heard = { text: "", rest: undefined, at: 0 }
    const characters = joiner()
    const passOn = Effect.fnUntraced(function* (text: string) {
      if (text === "") return
      heard.at = Infinity
      yield* onText(text)
    })
    const listen = Effect.gen(function* () {
      const upstream = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      const call = <A>(evaluate: () => PromiseLike<A>) => Effect.tryPromise({ try: evaluate, catch: classify })
      const iterator = chat.stream([...messages], upstream.signal)[Symbol.asyncIterator]()
      while (true) {
        const next = yield* call(() => iterator.next())
        if (next.done === true) break
        hear(heard, next.value)
        yield* passOn(characters.add(next.value.text))
        heard.at = yield* Clock.currentTimeMillis
      }
      yield* passOn(characters.end())
      return yield* judged(answerOf(heard))
    }).pipe(Effect.scoped)

    return Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => {
        heard.at = now
        return Effect.raceFirst(listen, silence(silenceLimit, heard))
      }),
      Effect.onExit((exit) => {
        const usage = usageOf(chat.model, messages, answerOf(heard), exit)
        return usage === undefined ? Effect.void : onUsage(usage)
      })
    )
  })

/** Whether an answer is one that a turn can go on with. */
const judged = (answer: AIMessageChunk | undefined): Effect.Effect<AIMessageChunk, ModelCallFailed> => {
  const finishReason = answer?.response_metadata["finish_reason"]
  // A proxy may end a stream that its server did not.
  if (answer === undefined || finishReason === undefined) return Effect.fail(cutShort)
  if (finishReason === "content_filter") return Effect.fail(contentFiltered)
  const { invalid_tool_calls = [], tool_calls = [] } = answer
  const calls = tool_calls.length + invalid_tool_calls.length
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
  answer: AIMessageChunk | undefined,
  exit: Exit.Exit<unknown, ModelCallFailed>
): ModelUsage | undefined => {
  // The provider tells which model really answered, often with its date.
  const name = answer?.response_metadata["model_name"]
  const answeredBy = isName(name) ? name : model
  const counted = decodeCounted(answer?.usage_metadata)
  if (Option.isSome(counted)) {
    const { input_tokens, output_tokens } = counted.value
    return { model: answeredBy, inputTokens: input_tokens, outputTokens: output_tokens, isEstimated: false }
  }
  const isGivenUp = Exit.hasInterrupts(exit) || Option.contains(Exit.findErrorOption(exit), silent)
  if (answer === undefined && !isGivenUp) return undefined
  return {
    model: answeredBy,
    inputTokens: messages.reduce((sum, message) => sum + tokensOf(message), 0),
    outputTokens: answer === undefined ? 0 : tokensOf(answer),
    isEstimated: true
  }
}
