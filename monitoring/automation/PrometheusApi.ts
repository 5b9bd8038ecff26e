/** Answers of Prometheus's HTTP API, as far as we read them: https://prometheus.io/docs/prometheus/latest/querying/api/ */
import { Schema } from "effect"

const Labels = Schema.Record(Schema.String, Schema.String)
/** Seconds, and a number as text, because JSON has neither NaN nor infinity. */
const Sample = Schema.Tuple([Schema.Finite, Schema.String])

export const answer = <A>(data: Schema.Codec<A, unknown>) =>
  Schema.fromJsonString(
    Schema.Union([
      Schema.Struct({ status: Schema.Literal("success"), data }),
      Schema.Struct({ status: Schema.Literal("error"), error: Schema.String })
    ])
  )

export const Instant = Schema.Union([
  Schema.Struct({
    resultType: Schema.Literal("vector"),
    result: Schema.Array(Schema.Struct({ metric: Labels, value: Sample }))
  }),
  Schema.Struct({ resultType: Schema.Literal("scalar"), result: Sample })
])

export const Range = Schema.Struct({
  result: Schema.Array(Schema.Struct({ metric: Labels, values: Schema.Array(Sample) }))
})

const Target = Schema.Struct({
  labels: Labels,
  scrapePool: Schema.String,
  scrapeUrl: Schema.String,
  health: Schema.Literals(["up", "down", "unknown"]),
  lastError: Schema.String,
  lastScrape: Schema.String
})
export type Target = typeof Target.Type
export const Targets = Schema.Struct({ activeTargets: Schema.Array(Target) })

const Rule = Schema.Struct({
  type: Schema.Literals(["alerting", "recording"]),
  name: Schema.String,
  query: Schema.String,
  health: Schema.Literals(["ok", "err", "unknown"]),
  lastError: Schema.optionalKey(Schema.String),
  lastEvaluation: Schema.String
})
export type Rule = typeof Rule.Type
const RuleGroup = Schema.Struct({ name: Schema.String, file: Schema.String, rules: Schema.Array(Rule) })
export type RuleGroup = typeof RuleGroup.Type
export const Rules = Schema.Struct({ groups: Schema.Array(RuleGroup) })

export const Alertmanagers = Schema.Struct({ activeAlertmanagers: Schema.Array(Schema.Struct({ url: Schema.String })) })

export const RuntimeInfo = Schema.Struct({ startTime: Schema.DateTimeUtcFromString })

export const Configuration = Schema.Struct({ yaml: Schema.String })

/** Of a sample. */
export const number = (text: string): number =>
  text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : text === "NaN" ? Number.NaN : Number(text)
