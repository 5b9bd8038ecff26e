/** What is kept: the files of this folder, what was made of them for this machine, and what runs. */
import { Config, Effect, FileSystem, Option, Redacted } from "effect"
import * as Alertmanager from "../Alertmanager.ts"
import { monitoring } from "../../stack/files.ts"
import { readSecrets, settingNames } from "../../stack/settings.ts"
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

/** Settings that are secrets, by their names. */
const secretName = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|HEADER|CREDENTIAL|COOKIE|DSN)S?(_|$)/iu
/** What only speaks of secrets. */
const aboutSecrets = /_(FILE|POLICY|HOURS|DAYS|MINUTES|SECONDS)$/iu

const decoded = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What is secret in a setting: the password of an address, each of several headers, or all of it. */
export const secretsIn = (name: string, value: string): ReadonlyArray<string> => {
  const password = URL.parse(value)?.password ?? ""
  const isSecret = secretName.test(name) && !aboutSecrets.test(name)
  const parts = isSecret ? [value, ...value.split(",").map((part) => part.slice(part.indexOf("=") + 1).trim())] : []
  return [password, ...parts].flatMap((part) => [part, decoded(part)]).filter((part) => part !== "")
}

/** Of all settings there are, whoever they are for: a new one needs no place in a list here. */
const known = Effect.gen(function* () {
  const { directory } = yield* settings
  const ofFiles = Object.values(yield* readSecrets(directory)).flatMap((secret) =>
    secret === undefined ? [] : [Redacted.value(secret)]
  )
  const ofSettings = yield* Effect.forEach(yield* settingNames, (name) =>
    Effect.map(Config.option(Config.Redacted(name)), (found) =>
      Option.match(found, { onNone: () => [], onSome: (secret) => secretsIn(name, Redacted.value(secret)) })
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
  // At the same time: each may be waited for in vain.
  yield* Effect.all(
    [
      add("running/prometheus.yml", prometheus.config),
      add(
        "running/alertmanager.yml",
        Effect.map(Alertmanager.status, ({ config }) => config.original)
      )
    ],
    { concurrency: 2 }
  )
  missing.sort()
  const kept: Kept = { files, missing }
  return kept
})
