/** Writes what the servers read. Nobody but their user may read it: there are secrets in it. */
import { Effect, FileSystem, Option, Redacted } from "effect"
import { fileURLToPath } from "node:url"
import { makeFolder } from "./folder.ts"
import * as Render from "./render.ts"
import { readSecrets, type Settings } from "./settings.ts"

export const monitoring = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/u, "")

/** What an operator of a test may have otherwise. */
export type Revise = (file: "prometheus" | "alertmanager", yaml: string) => string

export const write = Effect.fn("Monitoring.write")(function* (
  settings: Settings,
  places: Render.Places,
  revise: Revise = (_, yaml) => yaml
) {
  const fs = yield* FileSystem.FileSystem
  const { directory } = settings
  const secrets = yield* readSecrets(directory)
  const source = (path: string) => fs.readFileString(`${monitoring}/${path}`)
  // The mode of a file that is there already would stay as it is.
  const put = (path: string, content: string) =>
    Effect.andThen(
      fs.writeFileString(`${directory}/${path}`, content, { mode: 0o600 }),
      fs.chmod(`${directory}/${path}`, 0o600)
    )

  // What was a channel yesterday need not be one today.
  yield* fs.remove(`${directory}/alertmanager/secrets`, { recursive: true, force: true })
  for (const path of [
    "",
    "secrets",
    "prometheus",
    "prometheus/data",
    "prometheus/rules",
    "alertmanager",
    "alertmanager/data"
  ]) {
    yield* makeFolder(`${directory}/${path}`)
  }
  for (const path of ["templates", "secrets"]) {
    yield* makeFolder(`${directory}/alertmanager/${path}`)
  }

  // A server without a token does not look at it, but Prometheus wants one.
  const token = Option.match(settings.metricsToken, { onNone: () => "none", onSome: Redacted.value })
  yield* put("prometheus/metrics-token", token)
  const prometheus = Render.prometheus(yield* source("prometheus/prometheus.yml"), places)
  yield* put("prometheus/prometheus.yml", revise("prometheus", prometheus))

  for (const [name, secret] of Object.entries(secrets)) {
    yield* put(`alertmanager/secrets/${name}`, Redacted.value(secret))
    yield* fs.chmod(`${directory}/secrets/${name}`, 0o600)
  }
  yield* put("alertmanager/templates/parley.tmpl", yield* source("alertmanager/templates/parley.tmpl"))
  const alertmanager = Render.alertmanager(yield* source("alertmanager/alertmanager.yml"), places, settings, secrets)
  yield* put("alertmanager/alertmanager.yml", revise("alertmanager", alertmanager))
  return Render.channels(settings, secrets)
})
