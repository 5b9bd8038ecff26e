/** What Prometheus knows. "No data" is an empty list or `Option.none`, and never 0. */
import { Context, DateTime, type Duration, Duration as Durations, Effect, Layer, Option, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { ask, NotAnswered, shortened } from "./Asked.ts"
import * as Api from "./PrometheusApi.ts"
import { settings } from "./settings.ts"

/** It answers, but not to this question: there is an error in the expression, as a rule. */
export class QueryRefused extends Schema.TaggedError<QueryRefused>()("QueryRefused", {
  query: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `Prometheus refuses ${this.query}: ${this.reason}`
  }
}
export type PrometheusError = NotAnswered | QueryRefused

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Of one moment; it may be NaN or infinite. */
  readonly value: number
}

export interface Line {
  readonly labels: Readonly<Record<string, string>>
  readonly points: ReadonlyArray<readonly [millis: number, value: number]>
}

export interface Span {
  readonly start: DateTime.Utc
  readonly end: DateTime.Utc
  readonly step: Duration.Input
}

export class Prometheus extends Context.Service<
  Prometheus,
  {
    /** Without credentials. */
    readonly url: string
    /** What an expression is now, or was at a moment. */
    readonly instant: (query: string, at?: DateTime.Utc) => Effect.Effect<ReadonlyArray<Series>, PrometheusError>
    /** The one finite value of an expression that gives at the most one, such as a sum without `by`. */
    readonly value: (query: string, at?: DateTime.Utc) => Effect.Effect<Option.Option<number>, PrometheusError>
    readonly range: (query: string, span: Span) => Effect.Effect<ReadonlyArray<Line>, PrometheusError>
    /** Those that it scrapes, with how that goes. */
    readonly targets: Effect.Effect<ReadonlyArray<Api.Target>, PrometheusError>
    /** All rules that are loaded, with the alerts they have raised. */
    readonly rules: Effect.Effect<ReadonlyArray<Api.RuleGroup>, PrometheusError>
    /** Addresses of the Alertmanagers that it tells of alerts. */
    readonly alertmanagers: Effect.Effect<ReadonlyArray<string>, PrometheusError>
    /** When its process began. */
    readonly startedAt: Effect.Effect<DateTime.Utc, PrometheusError>
    /** Its running configuration as YAML; Prometheus hides most secrets, but not those in addresses. */
    readonly config: Effect.Effect<string, PrometheusError>
  }
>()("@parley/monitoring/Prometheus") {
  static readonly layer = Layer.effect(
    Prometheus,
    Effect.gen(function* () {
      const { prometheus: endpoint } = yield* settings
      const http = yield* HttpClient.HttpClient

      const data = Effect.fnUntraced(
        function* <A>(schema: Schema.Codec<A, unknown>, what: string, request: HttpClientRequest.HttpClientRequest) {
          const { status, text } = yield* ask(endpoint, request, ({ status, text }) =>
            Effect.map(text, (text) => ({ status, text }))
          )
          const answer = yield* Effect.mapError(
            Schema.decodeUnknownEffect(Api.answer(schema))(text),
            () =>
              new NotAnswered({
                url: endpoint.url,
                reason: `answered ${status}, and what Prometheus does not: ${shortened(text)}`
              })
          )
          if (answer.status === "success") return answer.data
          return yield* new QueryRefused({ query: what, reason: shortened(answer.error) })
        },
        Effect.provideService(HttpClient.HttpClient, http)
      )
      const get = <A>(schema: Schema.Codec<A, unknown>, path: string) =>
        data(schema, path, HttpClientRequest.get(`/api/v1/${path}`))
      // As a body: expressions can be longer than addresses may.
      const post = <A>(schema: Schema.Codec<A, unknown>, path: string, fields: Readonly<Record<string, string>>) =>
        data(
          schema,
          fields["query"] ?? path,
          HttpClientRequest.post(`/api/v1/${path}`).pipe(HttpClientRequest.bodyUrlParams(fields))
        )
      const seconds = (moment: DateTime.Utc) => String(DateTime.toEpochMillis(moment) / 1000)

      const instant = Effect.fn("Prometheus.instant")(function* (query: string, at?: DateTime.Utc) {
        const found = yield* post(Api.Instant, "query", { query, ...(at === undefined ? {} : { time: seconds(at) }) })
        if (found.resultType === "scalar") return [{ labels: {}, value: Api.number(found.result[1]) }]
        return found.result.map(({ metric, value }) => ({ labels: metric, value: Api.number(value[1]) }))
      })

      return Prometheus.of({
        url: endpoint.url,
        instant,
        value: Effect.fn("Prometheus.value")(function* (query, at) {
          const found = (yield* instant(query, at)).find(({ value }) => Number.isFinite(value))
          return Option.fromNullishOr(found?.value)
        }),
        range: Effect.fn("Prometheus.range")(function* (query, { end, start, step }) {
          const found = yield* post(Api.Range, "query_range", {
            query,
            start: seconds(start),
            end: seconds(end),
            step: String(Durations.toSeconds(step))
          })
          return found.result.map(({ metric, values }) => ({
            labels: metric,
            points: values.map(([at, value]) => [at * 1000, Api.number(value)] as const)
          }))
        }),
        targets: Effect.map(get(Api.Targets, "targets?state=active"), ({ activeTargets }) => activeTargets),
        rules: Effect.map(get(Api.Rules, "rules"), ({ groups }) => groups),
        alertmanagers: Effect.map(get(Api.Alertmanagers, "alertmanagers"), ({ activeAlertmanagers }) =>
          activeAlertmanagers.map(({ url }) => url)
        ),
        startedAt: Effect.map(get(Api.RuntimeInfo, "status/runtimeinfo"), ({ startTime }) => startTime),
        config: Effect.map(get(Api.Configuration, "status/config"), ({ yaml }) => yaml)
      })
    })
  )
}
