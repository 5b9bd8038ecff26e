/** Everything in containers, with Grafana and exporters. */
import { Console, Effect, Schema } from "effect"
import { ChildProcess } from "effect/process"
import { fileURLToPath } from "node:url"
import * as Files from "./files.ts"
import { absolute } from "./native.ts"
import type { Places } from "./render.ts"
import type { Settings } from "./settings.ts"
import { told } from "./told.ts"

export class NoCompose extends Schema.TaggedError<NoCompose>()("NoCompose", {}) {
  override get message() {
    return "There is no `docker compose` here that works. Install Docker with its compose plugin (https://docs.docker.com/compose/install), or have Prometheus and Alertmanager as ordinary processes, without Grafana: MONITORING_NATIVE=1 make monitoring-start"
  }
}

export class ComposeFailed extends Schema.TaggedError<ComposeFailed>()("ComposeFailed", { code: Schema.Finite }) {
  override get message() {
    return `docker compose ended with ${this.code}`
  }
}

const fileOf = ({ isFull }: Settings) =>
  fileURLToPath(new URL(`../../docker/compose.${isFull ? "full" : "monitoring"}.yml`, import.meta.url))

const docker = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>, output: "inherit" | "ignore") =>
  ChildProcess.make("docker", args, { env, extendEnv: true, stdin: "ignore", stdout: output, stderr: output }).pipe(
    Effect.flatMap(({ exitCode }) => exitCode),
    Effect.scoped,
    Effect.orElseSucceed(() => 127)
  )

const places = ({ composeTargets, fullTargets, isFull }: Settings): Places => ({
  parley: isFull ? fullTargets : composeTargets,
  prometheus: "localhost:9090",
  alertmanager: "alertmanager:9093",
  hasExporters: true,
  rules: "/etc/prometheus/rules",
  prometheusFiles: "/etc/prometheus",
  alertmanagerFiles: "/etc/alertmanager"
})

/** The containers run as whoever starts them: only so can they read files that nobody else may. */
const environment = (settings: Settings) => ({
  MONITORING_DIR: settings.directory,
  MONITORING_USER: `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`,
  PROMETHEUS_PORT: String(settings.prometheusPort),
  ALERTMANAGER_PORT: String(settings.alertmanagerPort),
  GRAFANA_PORT: String(settings.grafanaPort),
  ...(settings.isFull ? full : {})
})

/** What the exporters find in docker/compose.yml. */
const full = {
  APP_ENV: "development",
  POSTGRES_EXPORTER_URL: "postgresql://parley:parley@postgres:5432/parley?sslmode=disable",
  REDIS_EXPORTER_URL: "redis://redis:6379"
}

const compose = Effect.fnUntraced(function* (settings: Settings, ...args: ReadonlyArray<string>) {
  const env = environment(settings)
  if ((yield* docker(["compose", "version"], env, "ignore")) !== 0) return yield* new NoCompose({})
  const code = yield* docker(["compose", "--file", fileOf(settings), ...args], env, "inherit")
  if (code !== 0) return yield* new ComposeFailed({ code })
})

export const start = Effect.fn("Compose.start")(function* (relative: Settings) {
  const settings = yield* absolute(relative)
  const channels = yield* Files.write(settings, places(settings))
  yield* compose(settings, "up", "--detach", "--wait")
  yield* Console.log(
    [
      ...(settings.isFull ? ["Parley       http://localhost:8000"] : []),
      `Grafana      http://localhost:${settings.grafanaPort} (admin, admin)`,
      `Prometheus   http://localhost:${settings.prometheusPort}`,
      `Alertmanager http://localhost:${settings.alertmanagerPort}`,
      told(channels, settings.directory)
    ].join("\n")
  )
})

export const stop = Effect.fn("Compose.stop")(function* (relative: Settings) {
  yield* compose(yield* absolute(relative), "down")
})
