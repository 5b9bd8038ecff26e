/** What a Prometheus answers. */
import { Clock, Effect, Schema } from "effect"

const Labels = Schema.Record(Schema.String, Schema.String)
const Sample = Schema.Tuple([Schema.Finite, Schema.String])

const answerOf = <A>(data: Schema.Codec<A, unknown>) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ status: Schema.tag("success"), data })))

const vector = answerOf(Schema.Struct({ result: Schema.Array(Schema.Struct({ metric: Labels, value: Sample })) }))
const matrix = answerOf(
  Schema.Struct({ result: Schema.Array(Schema.Struct({ metric: Labels, values: Schema.Array(Sample) })) })
)
const names = answerOf(Schema.Array(Schema.String))
const exemplars = answerOf(
  Schema.Array(Schema.Struct({ exemplars: Schema.Array(Schema.Struct({ labels: Labels, value: Schema.String })) }))
)

export interface Line {
  readonly labels: Readonly<Record<string, string>>
  readonly points: ReadonlyArray<readonly [millis: number, value: number]>
}

const point = ([seconds, value]: readonly [number, string]) => [seconds * 1000, Number(value)] as const

export const client = (url: string) => {
  const get = (path: string, query: Readonly<Record<string, string>>) =>
    Effect.promise(async (signal) => (await fetch(`${url}${path}?${new URLSearchParams(query)}`, { signal })).text())
  const ask = <A, E>(
    path: string,
    query: Readonly<Record<string, string>>,
    decode: (text: string) => Effect.Effect<{ readonly data: A }, E>
  ) =>
    get(path, query).pipe(
      Effect.flatMap((text) =>
        Effect.catch(decode(text), (cause) => Effect.die(new Error(`${JSON.stringify(query)}: ${text}`, { cause })))
      ),
      Effect.map(({ data }) => data)
    )

  return {
    /** What an expression is now. */
    instant: (query: string) =>
      Effect.map(ask("/api/v1/query", { query }, vector), ({ result }) =>
        result.map(({ metric, value }): Line => ({ labels: metric, points: [point(value)] }))
      ),
    /** What it was in the seconds before this one. */
    range: (query: string, endSeconds: number, seconds: number, stepSeconds: number) =>
      Effect.gen(function* () {
        const times = { start: String(endSeconds - seconds), end: String(endSeconds), step: String(stepSeconds) }
        const { result } = yield* ask("/api/v1/query_range", { query, ...times }, matrix)
        return result.map(({ metric, values }): Line => ({ labels: metric, points: values.map(point) }))
      }),
    /** The traces of single measurements that an expression is made of. */
    exemplars: (query: string, seconds: number) =>
      Effect.gen(function* () {
        const now = (yield* Clock.currentTimeMillis) / 1000
        const times = { start: String(now - seconds), end: String(now + 60) }
        const found = yield* ask("/api/v1/query_exemplars", { query, ...times }, exemplars)
        return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels["trace_id"]))
      }),
    /** The names of all series. */
    names: ask("/api/v1/label/__name__/values", {}, names)
  }
}
