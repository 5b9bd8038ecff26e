/** The rules, as Prometheus reads them. */
import { Effect, FileSystem, Schema } from "effect"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"

export const directory = fileURLToPath(new URL(".", import.meta.url)).replace(/\/$/u, "")

const Recording = Schema.Struct({ record: Schema.String, expr: Schema.String })
const Alert = Schema.Struct({
  alert: Schema.String,
  expr: Schema.String,
  for: Schema.optionalKey(Schema.String),
  keep_firing_for: Schema.optionalKey(Schema.String),
  labels: Schema.Record(Schema.String, Schema.String),
  annotations: Schema.Record(Schema.String, Schema.String)
})
export type Alert = typeof Alert.Type

export const RuleFile = Schema.Struct({
  groups: Schema.Array(Schema.Struct({ name: Schema.String, rules: Schema.Array(Schema.Union([Alert, Recording])) }))
})
export type RuleFile = typeof RuleFile.Type

export const files = ["thresholds", "cost", "business", "performance", "security", "watchdog"] as const
export type FileName = (typeof files)[number]

export type Rules = ReadonlyArray<{ readonly name: FileName; readonly groups: RuleFile["groups"] }>

/** All of them, by file. */
export const read = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const found: Rules = yield* Effect.forEach(files, (name) =>
    fs.readFileString(`${directory}/rules/${name}.yml`).pipe(
      Effect.flatMap((text) => Schema.decodeUnknownEffect(RuleFile, { onExcessProperty: "error" })(parse(text))),
      Effect.map(({ groups }) => ({ name, groups }))
    )
  )
  return found
})

export const alertsOf = (rules: Rules) =>
  rules.flatMap(({ groups, name: file }) =>
    groups.flatMap(({ name: group, rules }) =>
      rules.flatMap((rule) => ("alert" in rule ? [{ ...rule, group, file }] : []))
    )
  )

export const recordingsOf = (rules: Rules) =>
  rules.flatMap(({ groups }) =>
    groups.flatMap(({ rules }) => rules.flatMap((rule) => ("record" in rule ? [rule] : [])))
  )

/** The thresholds that an expression compares with. */
export const thresholdsIn = (expr: string): ReadonlyArray<string> => [
  ...new Set([...expr.matchAll(/parley:threshold:\w+/gu)].map(([name]) => name))
]

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/**
 * The same rules in a world where everything goes so many times as fast: for an alert that waits for an hour, a test need
 * not. Durations alone change: ranges, offsets, `for` and `keep_firing_for`; of Alertmanager's configuration how long it
 * gathers alerts before it tells of them.
 */
export const hasten = (yaml: string, times: number): string => {
  const shorter = (amount: string, unit: string) =>
    `${Math.max(1, Math.round((Number(amount) * (seconds[unit] ?? 1) * 1000) / times))}ms`
  return yaml
    .replaceAll(/\[(\d+)([smhd])\]/gu, (_, amount: string, unit: string) => `[${shorter(amount, unit)}]`)
    .replaceAll(
      /\b(offset |for: |keep_firing_for: |group_wait: |group_interval: |repeat_interval: )(\d+)([smhd])\b/gu,
      (_, what: string, amount: string, unit: string) => `${what}${shorter(amount, unit)}`
    )
}
