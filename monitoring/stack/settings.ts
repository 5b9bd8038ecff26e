/**
 * What `make monitoring-start` is told by the environment, or by the files `.env.<APP_ENV>.local` and `.env.<APP_ENV>` that
 * the server reads, too.
 */
import { Config, ConfigProvider, Context, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { told } from "./folder.ts"

const text = (name: string, fallback: string) => Config.withDefault(Config.String(name), fallback)
/** Host and port of each server: those of PARLEY_TARGETS, else the one at PORT, as the server has it. */
const targets = (host: string, port = Config.withDefault(Config.Port("PORT"), 8000)) =>
  Config.map(Config.all([text("PARLEY_TARGETS", ""), port]), ([named, port]) => {
    const all = named.split(",").map((part) => part.trim())
    return all.some((part) => part !== "") ? all.filter((part) => part !== "") : [`${host}:${port}`]
  })

export const settings = Config.all({
  /** Ordinary processes instead of containers. */
  isNative: Config.withDefault(Config.Boolean("MONITORING_NATIVE"), false),
  /** In containers, and with them Parley itself for development, its PostgreSQL and its Redis. */
  isFull: Config.withDefault(Config.Boolean("MONITORING_FULL"), false),
  /** Everything that is kept: data, logs, process ids, and what was made of the files of this folder. */
  directory: text("MONITORING_DIR", ".data/monitoring"),
  prometheusPort: Config.withDefault(Config.Port("PROMETHEUS_PORT"), 9090),
  alertmanagerPort: Config.withDefault(Config.Port("ALERTMANAGER_PORT"), 9093),
  grafanaPort: Config.withDefault(Config.Port("GRAFANA_PORT"), 3000),
  /** From inside a container this machine is called host.docker.internal. */
  nativeTargets: targets("127.0.0.1"),
  composeTargets: targets("host.docker.internal"),
  fullTargets: targets("app", Config.succeed(8000)),
  /** As the server has it. */
  metricsToken: Config.option(Config.Redacted("METRICS_TOKEN")),
  /** There is no e-mail unless there is somebody to write to. */
  emailTo: Config.option(Config.String("ALERT_EMAIL_TO")),
  emailFrom: text("ALERT_EMAIL_FROM", "parley@localhost"),
  /** Host and port. */
  smarthost: text("ALERT_SMTP_SMARTHOST", "127.0.0.1:25"),
  smtpUsername: Config.option(Config.String("ALERT_SMTP_USERNAME")),
  requiresTls: Config.withDefault(Config.Boolean("ALERT_SMTP_REQUIRE_TLS"), true),
  slackChannel: text("ALERT_SLACK_CHANNEL", "#alerts"),
  /** Accounts in Europe have another one: https://events.eu.pagerduty.com/v2/enqueue. */
  pagerdutyUrl: text("ALERT_PAGERDUTY_URL", "https://events.pagerduty.com/v2/enqueue")
})
export type Settings = Config.Success<typeof settings>

/** What settings are read from, the first of them first; the one provider that they make has not the names of all. */
const Sources = Context.Reference<ReadonlyArray<ConfigProvider.ConfigProvider> | undefined>(
  "@parley/monitoring/Sources",
  { defaultValue: () => undefined }
)

const namesIn = (
  source: ConfigProvider.ConfigProvider,
  path: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<string>, ConfigProvider.SourceError> =>
  Effect.gen(function* () {
    const node = yield* source.load([...path])
    const below =
      node?._tag === "Record" ? [...node.keys] : node?._tag === "Array" ? [...Array(node.length).keys()] : []
    const names = yield* Effect.forEach(below, (part) => namesIn(source, [...path, String(part)]))
    return node?.value === undefined ? names.flat() : [path.join("_"), ...names.flat()]
  })

/** Names of all that is set, whoever it is for. */
export const settingNames = Effect.gen(function* () {
  const sources = (yield* Sources) ?? [yield* ConfigProvider.ConfigProvider]
  return [...new Set((yield* Effect.forEach(sources, (source) => namesIn(source))).flat())]
})

const environments = ["development", "staging", "production", "test"]

/** Files that cannot be read would be settings that nobody sees are missing. */
export class NoEnvironment extends Schema.TaggedError<NoEnvironment>()("NoEnvironment", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

/** Of APP_ENV: the files of that environment that are there. */
const filesOf = Effect.fnUntraced(function* (environment: string, directory: string) {
  const fs = yield* FileSystem.FileSystem
  if (!environments.includes(environment)) {
    return yield* new NoEnvironment({
      reason: `APP_ENV is ${JSON.stringify(environment.slice(0, 40))}, but must be one of ${environments.join(", ")}`
    })
  }
  const committed = `${directory}/.env.${environment}`
  return yield* Effect.filter([`${committed}.local`, committed], (path) => fs.exists(path))
})

/** Variables win over the files of the directory, and the local one over the other, as for the server. */
export const layerProviderFrom = (variables: ConfigProvider.ConfigProvider, directory: string) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const environment = yield* text("APP_ENV", "development").parse(variables)
      const sources = [variables]
      for (const path of yield* filesOf(environment, directory)) {
        sources.push(
          yield* Effect.mapError(
            ConfigProvider.fromDotEnv({ path }),
            (error) => new NoEnvironment({ reason: `The settings cannot be read: ${told(error)}` })
          )
        )
      }
      return Layer.mergeAll(
        ConfigProvider.layer(sources.reduce((provider, next) => ConfigProvider.orElse(provider, next))),
        Layer.succeed(Sources, sources)
      )
    })
  )

/** Real environment variables, and the files in the working directory. */
export const layerProvider = layerProviderFrom(ConfigProvider.fromEnv(), ".")

/** Files that somebody puts into `secrets` of the directory, so that no secret is ever in an environment or a command line. */
export const secretNames = [
  "smtp-password",
  "slack-webhook-url",
  "pagerduty-routing-key",
  "webhook-url",
  "heartbeat-url"
] as const
export type SecretName = (typeof secretNames)[number]
export type Secrets = Partial<Readonly<Record<SecretName, Redacted.Redacted>>>

/** Those that are there. Editors end files with a new line, which is no part of a secret. */
export const readSecrets = Effect.fn("Monitoring.readSecrets")(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  const found: Partial<Record<SecretName, Redacted.Redacted>> = {}
  for (const name of secretNames) {
    const path = `${directory}/secrets/${name}`
    if (!(yield* fs.exists(path))) continue
    const value = (yield* fs.readFileString(path)).trim()
    if (value !== "") found[name] = Redacted.make(value)
  }
  return found
})
