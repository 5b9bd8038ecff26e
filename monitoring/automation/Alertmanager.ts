/** What Alertmanager says of itself: https://prometheus.io/docs/alerting/latest/alertmanager/#api */
import { Effect, Schema } from "effect"
import { HttpClientRequest, HttpClientResponse } from "effect/http"
import { ask, NotAnswered } from "./Asked.ts"
import { settings } from "./settings.ts"

const Status = Schema.Struct({
  cluster: Schema.Struct({ status: Schema.String, peers: Schema.optionalKey(Schema.Array(Schema.Unknown)) }),
  /** As YAML; most secrets in it are hidden, but in older versions not the addresses of webhooks. */
  config: Schema.Struct({ original: Schema.String })
})

const Alerts = Schema.Array(
  Schema.Struct({
    labels: Schema.Record(Schema.String, Schema.String),
    receivers: Schema.Array(Schema.Struct({ name: Schema.String })),
    updatedAt: Schema.DateTimeUtcFromString
  })
)

const get = Effect.fnUntraced(function* <A>(path: string, schema: Schema.Codec<A, unknown>) {
  const { alertmanager } = yield* settings
  return yield* ask(
    alertmanager,
    HttpClientRequest.get(path),
    Effect.fnUntraced(function* (response) {
      if (response.status === 200) return yield* HttpClientResponse.schemaBodyJson(schema)(response)
      return yield* new NotAnswered({ url: alertmanager.url, reason: `answered ${response.status} for ${path}` })
    })
  )
})

/** The status of the probe. */
export const ready = Effect.flatMap(settings, ({ alertmanager }) =>
  ask(alertmanager, HttpClientRequest.get("/-/ready"), ({ status }) => Effect.succeed(status))
)

export const status = get("/api/v2/status", Status)

/** Those of this name that it holds, muted ones, too. */
export const alerts = (name: string) =>
  get(`/api/v2/alerts?filter=${encodeURIComponent(`alertname="${name}"`)}`, Alerts)
