/** What was said in production: traces of Langfuse to measure, and their scores back to it. */
import { Context, DateTime, type Duration, Effect, Layer, Option, Predicate, Redacted, Stream } from "effect"
import type { Metric, Result, Sample } from "../Evaluation.ts"
import { hashOf } from "../hash.ts"
import { Misconfigured } from "../Misconfigured.ts"
import { langfuse } from "../settings.ts"
import { type Call, LangfuseFailed, traces, type Window } from "./langfuseTraces.ts"
import type { Planned } from "./Source.ts"

export class Langfuse extends Context.Service<
  Langfuse,
  {
    /** Traces of the window that lack a score of one of the metrics, and those that they lack. */
    readonly lacking: (
      window: Window,
      metrics: ReadonlyArray<Metric>,
      limit: number | undefined
    ) => Effect.Effect<ReadonlyArray<Planned>, Misconfigured>
    /** Sending one again changes nothing. */
    readonly send: (sample: Sample, metric: Metric, result: Result) => Effect.Effect<void, LangfuseFailed>
  }
>()("@parley/evals/Langfuse") {
  static readonly layer = Layer.effect(
    Langfuse,
    Effect.suspend(() => make)
  )
}

/**
 * Reads lag behind writes by minutes: a trace that is taken too early may lack its answer, so the window ends before now.
 */
export const windowOf = Effect.fnUntraced(function* (length: Duration.Duration, lag: Duration.Duration) {
  const now = yield* DateTime.now
  const to = DateTime.subtractDuration(now, lag)
  return { from: DateTime.subtractDuration(to, length), to }
})

/** The same for each trace, metric and version: Langfuse keeps one score of an id. */
export const scoreId = (traceId: string, { name, version }: Pick<Metric, "name" | "version">): string =>
  `eval-${hashOf(traceId, name, version).slice(0, 32)}`

const make = Effect.gen(function* () {
  const { baseUrl, keys } = yield* Effect.mapError(langfuse, ({ message }) => new Misconfigured({ message }))
  if (Option.isNone(keys)) {
    return yield* new Misconfigured({
      message:
        "The source langfuse needs LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and LANGFUSE_HOST unless it is the cloud."
    })
  }
  const { publicKey, secretKey } = keys.value
  // It takes its time to load, and most runs do without it.
  const { LangfuseClient } = yield* Effect.promise(() => import("@langfuse/client"))
  const { api } = new LangfuseClient({ publicKey, secretKey: Redacted.value(secretKey), baseUrl, timeout: 60 })
  const call: Call = (evaluate) =>
    Effect.tryPromise({
      try: (abortSignal) => evaluate(api, { abortSignal }),
      catch: (error) => failed(error, baseUrl)
    })

  return Langfuse.of({
    lacking: Effect.fn("Langfuse.lacking")(function* (window, metrics, limit) {
      const names = metrics.map(({ name }) => name)
      return yield* traces(call, window, names).pipe(
        Stream.map(({ sample, scoreIds }): Planned => {
          const missing = metrics.filter((metric) => !scoreIds.has(scoreId(sample.id, metric)))
          return { sample, metrics: missing.map(({ name }) => name) }
        }),
        Stream.filter(({ metrics }) => metrics.length > 0),
        Stream.take(limit ?? Infinity),
        Stream.runCollect,
        Effect.mapError(({ message }) => new Misconfigured({ message }))
      )
    }),

    send: Effect.fn("Langfuse.send")(function* (sample, metric, { reasoning, score }) {
      if (score === undefined || sample.traceId === undefined) return
      const request = {
        id: scoreId(sample.traceId, metric),
        traceId: sample.traceId,
        name: metric.name,
        value: score,
        dataType: "NUMERIC" as const,
        metadata: { version: metric.version, hash: metric.hash, judge: metric.judge?.model ?? null },
        ...(reasoning !== undefined && { comment: reasoning })
      }
      yield* call((api, options) => api.scores.create(request, options))
    })
  })
})

const failed = (error: unknown, baseUrl: string): LangfuseFailed => {
  const found = Predicate.hasProperty(error, "statusCode") ? error.statusCode : undefined
  const status = Predicate.isNumber(found) ? found : undefined
  return new LangfuseFailed(explain(error, status, baseUrl), status)
}

const explain = (error: unknown, status: number | undefined, baseUrl: string): string => {
  if (status === 401 || status === 403) {
    return `Langfuse at ${baseUrl} refuses LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY`
  }
  if (status !== undefined) return `Langfuse at ${baseUrl} answered ${status}`
  return `Cannot reach Langfuse at ${baseUrl}: ${error instanceof Error ? error.message : String(error)}`
}
