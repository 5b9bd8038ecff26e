/** Asks a model for the score of one answer by one metric, again while that may help. */
import { Clock, Context, Duration, Effect, Layer, Result, Schedule, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as Standalone from "@parley/server/Agent/Standalone"
import { refusesTemperature } from "@parley/server/Agent/settings"
import type { Metric, Model, Sample } from "../Evaluation.ts"
import { JudgeEndpoint } from "./JudgeEndpoint.ts"
import { invalid, JudgeFailed, ofStatus, timedOut, unreachable } from "./JudgeFailed.ts"
import { messages, responseFormat } from "./prompt.ts"

/** What it took, whether there was a score in the end or not. */
export interface Effort {
  readonly attempts: number
  readonly latencyMillis: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly costEur: number
}

export const Judgement = Schema.Struct({
  reasoning: Schema.String,
  /** One out of range means that the judge did not understand: to clamp it would make a score of a mistake. */
  score: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }, { message: "the score must be from 0 to 1" }))
})
export type Judgement = typeof Judgement.Type

export interface Judged {
  readonly outcome: Result.Result<Judgement, JudgeFailed>
  readonly effort: Effort
}

export interface JudgeOptions {
  readonly attempts: number
  /** For one attempt. */
  readonly timeout: Duration.Duration
  /** Before the second attempt; doubled before each other. */
  readonly firstPause: Duration.Duration
}

export const defaultOptions: JudgeOptions = {
  attempts: 4,
  timeout: Duration.seconds(60),
  firstPause: Duration.millis(500)
}

/** Who is told to wait longer than this fails, and may be tried again with --retry-errors. */
const longestWait = Duration.minutes(2)

export class Judge extends Context.Service<
  Judge,
  {
    readonly model: Model
    readonly judge: (metric: Metric, sample: Sample) => Effect.Effect<Judged>
  }
>()("@parley/evals/Judge") {
  static readonly layerWith = (options: JudgeOptions) =>
    Layer.effect(
      Judge,
      Effect.suspend(() => make(options))
    )
  static readonly layer = Judge.layerWith(defaultOptions)
}

const Completion = Schema.fromJsonString(
  Schema.Struct({
    choices: Schema.NonEmptyArray(
      Schema.Struct({
        message: Schema.Struct({
          content: Schema.NullishOr(Schema.String),
          refusal: Schema.optionalKey(Schema.NullishOr(Schema.String))
        })
      })
    ),
    usage: Schema.optionalKey(
      Schema.NullishOr(Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int }))
    )
  })
)
const decodeCompletion = Schema.decodeUnknownEffect(Completion)
const decodeJudgement = Schema.decodeUnknownEffect(Schema.fromJsonString(Judgement))

/** Models that were not made to answer with JSON alone put it into a fence. */
const unfenced = (text: string): string => /^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$/su.exec(text)?.[1] ?? text

const make = Effect.fnUntraced(function* (options: JudgeOptions) {
  const endpoint = yield* JudgeEndpoint
  const client = yield* HttpClient.HttpClient
  const prices = yield* Effect.context<Effect.Services<ReturnType<typeof Standalone.costEur>>>()

  const ask = Effect.fnUntraced(function* (
    metric: Metric,
    sample: Sample,
    onUsage: (input: number, output: number) => void
  ) {
    const model = metric.judge?.model ?? endpoint.model.model
    const request = HttpClientRequest.post(`${endpoint.baseUrl}/chat/completions`).pipe(
      HttpClientRequest.bearerToken(endpoint.apiKey),
      HttpClientRequest.bodyJsonUnsafe({
        model,
        messages: messages(metric, sample),
        response_format: responseFormat(metric),
        ...(refusesTemperature(model) ? {} : { temperature: 0 })
      })
    )
    const { body, retryAfter, status } = yield* client.execute(request).pipe(
      Effect.flatMap((response) =>
        Effect.map(response.text, (body) => ({
          body,
          status: response.status,
          retryAfter: response.headers["retry-after"]
        }))
      ),
      Effect.mapError(unreachable),
      Effect.timeoutOrElse({ duration: options.timeout, orElse: () => Effect.fail(timedOut(options.timeout)) })
    )
    if (status !== 200) return yield* ofStatus(status, retryAfter, body, yield* Clock.currentTimeMillis)
    const { choices, usage } = yield* Effect.mapError(decodeCompletion(body), ({ message }) => invalid(message))
    if (usage) onUsage(usage.prompt_tokens, usage.completion_tokens)
    const { content, refusal } = choices[0].message
    if (refusal) return yield* invalid(`The judge refused: ${refusal.slice(0, 300)}`)
    return yield* Effect.mapError(decodeJudgement(unfenced(content ?? "")), ({ message }) =>
      invalid(`${message}, in: ${(content ?? "").slice(0, 300)}`)
    )
  })

  /** Longer when the provider says so. */
  const backoff = Schedule.exponential(options.firstPause).pipe(
    Schedule.jittered,
    Schedule.setInputType<JudgeFailed>(),
    Schedule.modifyDelay(({ duration, input }) =>
      Effect.succeed(Duration.max(Duration.min(duration, Duration.seconds(20)), input.retryAfter ?? Duration.zero))
    )
  )

  const judge = Effect.fn("Judge.judge")(function* (metric: Metric, sample: Sample) {
    const startedAt = yield* Clock.currentTimeMillis
    const used = { attempts: 0, input: 0, output: 0 }
    const attempt = Effect.suspend(() => {
      used.attempts++
      return ask(metric, sample, (input, output) => {
        used.input += input
        used.output += output
      })
    })
    const outcome = yield* attempt.pipe(
      Effect.retry({
        times: options.attempts - 1,
        schedule: backoff,
        while: ({ isTransient, retryAfter = Duration.zero }) =>
          isTransient && Duration.isLessThanOrEqualTo(retryAfter, longestWait)
      }),
      Effect.result
    )
    const model = metric.judge?.model ?? endpoint.model.model
    const costEur = yield* Effect.provideContext(Standalone.costEur(model, used.input, used.output), prices)
    const latencyMillis = (yield* Clock.currentTimeMillis) - startedAt
    const effort = {
      attempts: used.attempts,
      latencyMillis,
      inputTokens: used.input,
      outputTokens: used.output,
      costEur
    }
    return { outcome, effort }
  })

  return Judge.of({ model: endpoint.model, judge })
})
