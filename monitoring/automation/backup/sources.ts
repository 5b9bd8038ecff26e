/** What is kept: the files of this folder, what was made of them for this machine, and what runs. */
import { Config, Effect, FileSystem, Option, Redacted } from "effect"
import * as Alertmanager from "../Alertmanager.ts"
import { monitoring } from "../../stack/files.ts"
import { readSecrets } from "../../stack/settings.ts"
import { Prometheus } from "../Prometheus.ts"
import { settings } from "../settings.ts"
import * as redact from "./redact.ts"

export interface Kept {
  /** By their names in the archive. */
  readonly files: ReadonlyMap<string, string>
  /** What could not be had, and why. */
  readonly missing: ReadonlyArray<string>
}

/** Of `monitoring/`. */
const folders = [
  "grafana/dashboards",
  "grafana/provisioning",
  "prometheus/rules",
  "prometheus/prometheus.yml",
  "alertmanager/alertmanager.yml",
  "alertmanager/templates"
]

/** Of MONITORING_DIR, written by `make monitoring-start`. */
const written = ["prometheus/prometheus.yml", "alertmanager/alertmanager.yml"]

/** Settings of the server, of monitoring and of this program that are secrets, or have one in them. */
const secretSettings = [
  "METRICS_TOKEN",
  "POSTGRES_URL",
  "POSTGRES_DIRECT_URL",
  "POSTGRES_EXPORTER_URL",
  "REDIS_URL",
  "REDIS_EXPORTER_URL",
  "GRAFANA_ADMIN_PASSWORD",
  "JWT_SECRET_KEY",
  "JWT_SECRET_KEY_PREVIOUS",
  "LLM_API_KEY",
  "STRIPE_WEBHOOK_SECRET",
  "LANGFUSE_SECRET_KEY",
  "PROMETHEUS_URL",
  "ALERTMANAGER_URL",
  "PARLEY_URL",
  "SMTP_URL"
]

/** An address is one for the password in it. */
const partsOf = (name: string, value: string) => {
  if (!name.endsWith("_URL")) return [value]
  const password = URL.parse(value)?.password ?? ""
  return [password, decodeURIComponent(password)]
}

const known = Effect.gen(function* () {
  const { directory } = yield* settings
  const ofFiles = Object.values(yield* readSecrets(directory)).flatMap((secret) =>
    secret === undefined ? [] : [Redacted.value(secret)]
  )
  const ofSettings = yield* Effect.forEach(secretSettings, (name) =>
    Effect.map(Config.option(Config.Redacted(name)), (found) =>
      Option.match(found, { onNone: () => [], onSome: (secret) => partsOf(name, Redacted.value(secret)) })
    )
  )
  return [...ofFiles, ...ofSettings.flat()]
})

const filesBelow = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const whole = `${monitoring}/${path}`
  if ((yield* fs.stat(whole)).type === "File") return [path]
  const names = yield* fs.readDirectory(whole, { recursive: true })
  const found = yield* Effect.filter(names, (name) =>
    Effect.map(fs.stat(`${whole}/${name}`), ({ type }) => type === "File")
  )
  return found.toSorted().map((name) => `${path}/${name}`)
})

export const collect = Effect.fn("Backup.collect")(function* () {
  const fs = yield* FileSystem.FileSystem
  const { directory } = yield* settings
  const secrets = yield* known
  const files = new Map<string, string>()
  const missing: Array<string> = []

  const add = <R>(name: string, content: Effect.Effect<string, { readonly message: string }, R>) =>
    Effect.match(content, {
      onFailure: ({ message }) => void missing.push(`${name}: ${message}`),
      onSuccess: (text) => {
        const isYaml = /\.ya?ml$/u.test(name)
        const kind = name.endsWith("alertmanager.yml") ? "alertmanager" : "other"
        const redacted = isYaml ? redact.yaml(text, kind) : Option.some(text)
        // With a secret in it, for all that anybody knows.
        if (Option.isNone(redacted)) return void missing.push(`${name}: is not YAML`)
        files.set(name, redact.values(redacted.value, secrets))
      }
    })

  for (const path of (yield* Effect.forEach(folders, filesBelow)).flat()) {
    yield* add(`repository/${path}`, fs.readFileString(`${monitoring}/${path}`))
  }
  for (const path of written) {
    const whole = `${directory}/${path}`
    // There is none where monitoring was never started.
    if (yield* fs.exists(whole)) yield* add(`machine/${path}`, fs.readFileString(whole))
  }
  const prometheus = yield* Prometheus
  yield* add("running/prometheus.yml", prometheus.config)
  yield* add(
    "running/alertmanager.yml",
    Effect.map(Alertmanager.status, ({ config }) => config.original)
  )
  const kept: Kept = { files, missing }
  return kept
})
