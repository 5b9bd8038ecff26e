/**
 * Traces with the ids of their scores, page by page. Langfuse 4, and with it the cloud, tells them as observations and
 * scores; a Langfuse 3 that somebody hosts has a list of traces instead, and no such observations.
 */
import type { LangfuseAPIClient } from "@langfuse/core"
import { DateTime, Effect, Option, Predicate, Stream } from "effect"
import type { Sample } from "../Evaluation.ts"

export interface Window {
  readonly from: DateTime.Utc
  readonly to: DateTime.Utc
}

export interface ScoredTrace {
  readonly sample: Sample
  readonly scoreIds: ReadonlySet<string>
}

export class LangfuseFailed extends Error {
  readonly _tag = "LangfuseFailed"
  readonly status: number | undefined
  constructor(message: string, status: number | undefined) {
    super(message)
    this.status = status
  }
}

/** Asks the API; interrupting it ends the request. */
export type Call = <A>(
  evaluate: (api: LangfuseAPIClient, options: { readonly abortSignal: AbortSignal }) => PromiseLike<A>
) => Effect.Effect<A, LangfuseFailed>

/** As many as either Langfuse gives at once. */
const pageSize = 100

/** Traces whose scores are asked for at once: their ids stand in the address. */
const batchSize = 25

export const traces = (call: Call, window: Window, metrics: ReadonlyArray<string>) =>
  observed(call, window, metrics).pipe(
    Stream.catchIf(
      ({ status }) => status === 404,
      () => listed(call, window)
    )
  )

/** The root observation of a trace has its question and its answer. */
const observed = (call: Call, { from, to }: Window, metrics: ReadonlyArray<string>) =>
  Stream.paginate("", (cursor) =>
    call((api, options) =>
      api.observations.getMany(
        {
          fields: "core,basic,io,metrics,trace_context",
          isRootObservation: true,
          limit: pageSize,
          fromStartTime: DateTime.formatIso(from),
          toStartTime: DateTime.formatIso(to),
          ...(cursor !== "" && { cursor })
        },
        options
      )
    ).pipe(Effect.map(({ data, meta }) => [data, Option.fromNullishOr(meta.cursor)] as const))
  ).pipe(
    Stream.flatMap(({ traceId, ...root }) =>
      Stream.fromIterable(traceId === null ? [] : [sampleOf({ ...root, id: traceId })])
    ),
    Stream.grouped(batchSize),
    Stream.mapEffect((samples) =>
      Effect.map(
        scoresOf(
          call,
          samples.map(({ id }) => id),
          metrics
        ),
        (scoreIds) => samples.map((sample): ScoredTrace => ({ sample, scoreIds }))
      )
    ),
    Stream.flattenIterable
  )

const scoresOf = Effect.fnUntraced(function* (
  call: Call,
  traceIds: ReadonlyArray<string>,
  metrics: ReadonlyArray<string>
) {
  const ids = new Set<string>()
  let cursor: string | undefined
  do {
    const { data, meta } = yield* call((api, options) =>
      api.scoresV3.getManyV3(
        {
          traceId: traceIds.join(","),
          name: metrics.join(","),
          limit: pageSize,
          ...(cursor !== undefined && { cursor })
        },
        options
      )
    )
    for (const { id } of data) ids.add(id)
    cursor = meta.cursor
  } while (cursor !== undefined)
  return ids
})

const listed = (call: Call, { from, to }: Window) =>
  Stream.paginate(1, (page) =>
    call((api, options) =>
      api.trace.list(
        {
          page,
          limit: pageSize,
          fromTimestamp: DateTime.formatIso(from),
          toTimestamp: DateTime.formatIso(to),
          // Oldest first, so that what is stored meanwhile moves no page.
          orderBy: "timestamp.asc",
          fields: "core,io,scores,metrics"
        },
        options
      )
    ).pipe(
      Effect.map(
        ({ data, meta }) =>
          [data, data.length === 0 || page >= meta.totalPages ? Option.none() : Option.some(page + 1)] as const
      )
    )
  ).pipe(Stream.map((trace): ScoredTrace => ({ sample: sampleOf(trace), scoreIds: new Set(trace.scores ?? []) })))

interface Trace {
  readonly id: string
  readonly input?: unknown
  readonly output?: unknown
  readonly sessionId?: string | null | undefined
  readonly latency?: number | null | undefined
  readonly totalCost?: number | null | undefined
}

const sampleOf = ({ id, input, latency, output, sessionId, totalCost }: Trace): Sample => {
  const answer = textOf(output)
  return {
    id,
    traceId: id,
    source: "langfuse",
    input: textOf(input) ?? "",
    ...(answer !== undefined && answer !== "" && { output: answer }),
    // Turns of one conversation resemble each other.
    ...(sessionId && { group: sessionId }),
    // Below 0 is how Langfuse says that it does not know.
    ...(Predicate.isNumber(latency) && latency >= 0 && { latencyMillis: latency * 1000 }),
    // Parley tells Langfuse euros, which it takes for dollars. A root observation has no cost of its own.
    ...(Predicate.isNumber(totalCost) && totalCost > 0 && { costEur: totalCost })
  }
}

/** Parley's traces hold text, which may come as JSON; those of others may hold messages. */
const textOf = (value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (Predicate.isString(value)) return value
  if (Predicate.hasProperty(value, "content") && Predicate.isString(value.content)) return value.content
  return JSON.stringify(value)
}
