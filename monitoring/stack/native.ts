/** Prometheus and Alertmanager as processes of this machine, seen from this machine alone. */
import { Console, Effect, Path, Schema } from "effect"
import * as Daemon from "./Daemon.ts"
import * as Files from "./files.ts"
import { makeFolder } from "./folder.ts"
import * as Lock from "./Lock.ts"
import type { Places } from "./render.ts"
import type { Settings } from "./settings.ts"
import { told } from "./told.ts"

export class StartUnderWay extends Schema.TaggedError<StartUnderWay>()("StartUnderWay", { directory: Schema.String }) {
  override get message() {
    return `Another start or stop is at the servers in ${this.directory}. Run it again when that one has ended.`
  }
}

/** Two servers have a minute each to start, and half a minute to stop. */
const waitSeconds = 150

export const names = ["prometheus", "alertmanager"] as const

export const places = ({ alertmanagerPort, directory, nativeTargets, prometheusPort }: Settings): Places => ({
  parley: nativeTargets,
  prometheus: `127.0.0.1:${prometheusPort}`,
  alertmanager: `127.0.0.1:${alertmanagerPort}`,
  hasExporters: false,
  rules: `${Files.monitoring}/prometheus/rules`,
  prometheusFiles: `${directory}/prometheus`,
  alertmanagerFiles: `${directory}/alertmanager`
})

export const daemons = ({ alertmanagerPort, directory, prometheusPort }: Settings): ReadonlyArray<Daemon.Daemon> => [
  {
    name: "alertmanager",
    binaries: ["alertmanager", "prometheus-alertmanager"],
    package: "prometheus-alertmanager",
    args: [
      `--config.file=${directory}/alertmanager/alertmanager.yml`,
      `--storage.path=${directory}/alertmanager/data`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      // It is alone.
      "--cluster.listen-address="
    ],
    port: alertmanagerPort,
    portSetting: "ALERTMANAGER_PORT",
    directory
  },
  {
    name: "prometheus",
    binaries: ["prometheus"],
    package: "prometheus",
    args: [
      `--config.file=${directory}/prometheus/prometheus.yml`,
      `--storage.tsdb.path=${directory}/prometheus/data`,
      // Alerts look a week back, reports a month.
      "--storage.tsdb.retention.time=90d",
      "--enable-feature=exemplar-storage",
      `--web.listen-address=127.0.0.1:${prometheusPort}`
    ],
    port: prometheusPort,
    portSetting: "PROMETHEUS_PORT",
    directory
  }
]

/** With everything from the root: a daemon's paths must not depend on where it was started. */
export const absolute = Effect.fnUntraced(function* (settings: Settings) {
  const path = yield* Path.Path
  return { ...settings, directory: path.resolve(settings.directory) }
})

/** Two at once would start the same server, and lose sight of one of them. */
const alone = Effect.fnUntraced(function* (directory: string) {
  yield* makeFolder(directory)
  if (!(yield* Lock.hold(`${directory}/.lock`, waitSeconds))) return yield* new StartUnderWay({ directory })
})

export const start = Effect.fn("Native.start")(function* (relative: Settings) {
  const settings = yield* absolute(relative)
  yield* alone(settings.directory)
  const all = daemons(settings)
  const before = yield* Effect.forEach(all, Daemon.running)
  if (before.every((pid) => pid !== undefined)) {
    return yield* Console.log("Monitoring runs already. To have it read its settings anew: make monitoring-stop first.")
  }
  const missing = all.filter((_, index) => before[index] === undefined)
  yield* Effect.forEach(missing, Daemon.startable)
  const channels = yield* Files.write(settings, places(settings))
  for (const [index, daemon] of missing.entries()) {
    // One without the other is of no use, and would be in the way next time.
    const pid = yield* Effect.onError(Daemon.start(daemon), () =>
      Effect.forEach(missing.slice(0, index), (started) =>
        Effect.andThen(
          Effect.ignore(Daemon.stop(started)),
          Console.log(`${started.name} was stopped again, because ${daemon.name} did not start`)
        )
      )
    )
    yield* Console.log(
      `${daemon.name} runs: http://127.0.0.1:${daemon.port} (process ${pid}, log ${settings.directory}/${daemon.name}.log)`
    )
  }
  yield* Console.log(told(channels, settings.directory))
}, Effect.scoped)

export const isRunning = Effect.fnUntraced(function* (relative: Settings) {
  const pids = yield* Effect.forEach(daemons(yield* absolute(relative)), Daemon.running)
  return pids.some((pid) => pid !== undefined)
})

export const stop = Effect.fn("Native.stop")(function* (relative: Settings) {
  const { directory } = yield* absolute(relative)
  yield* alone(directory)
  for (const name of names) {
    const isStopped = yield* Daemon.stop({ name, directory })
    yield* Console.log(isStopped ? `${name} has stopped` : `${name} did not run`)
  }
}, Effect.scoped)
