/** Where the automation finds what it asks: variables, or lines of the file `.env.<APP_ENV>` that the server reads, too. */
import { Config, Effect, Option, Redacted, Schema } from "effect"

export class SettingWrong extends Schema.TaggedError<SettingWrong>()("SettingWrong", {
  name: Schema.String,
  expected: Schema.String
}) {
  override get message() {
    // Never its value: it may be a secret.
    return `${this.name} must be ${this.expected}. It is read from the environment, .env.<APP_ENV>.local and .env.<APP_ENV>; monitoring/AUTOMATION_GUIDE.md has all settings.`
  }
}

/** A server: where it is, and what it wants to hear first. */
export interface Endpoint {
  /** Without credentials and without a slash at its end: it may be shown. */
  readonly url: string
  readonly username: string
  readonly password: Option.Option<Redacted.Redacted>
}

const read = <A>(name: string, config: Config.Config<A>, expected: string) =>
  Effect.mapError(config, () => new SettingWrong({ name, expected }))

const endpointOf = (url: URL): Endpoint => ({
  url: `${url.origin}${url.pathname}`.replace(/\/+$/u, ""),
  username: decodeURIComponent(url.username),
  password: url.password === "" ? Option.none() : Option.some(Redacted.make(decodeURIComponent(url.password)))
})

/** With parts that can be read: a lone percent sign, as passwords have them, must be written %25. */
export const isAddress = (text: string, protocol: RegExp): boolean => {
  const url = URL.parse(text)
  if (url === null || url.hostname === "" || !protocol.test(url.protocol)) return false
  try {
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

const isHttp = Schema.makeFilter((text: string) => isAddress(text, /^https?:$/u))

/** What is said of addresses that could not be read. */
export const encoded = "with special characters of a password in their encoded form, such as %25 for a percent sign"

/** Its default is where `make dev` and `make monitoring-start` put it, which is by the port that they are told. */
const endpoint = (name: string, portName: string, port: number) =>
  read(
    name,
    Config.map(
      Config.all([
        Config.option(Config.schema(Schema.String.check(isHttp), name)),
        Config.withDefault(Config.Port(portName), port)
      ]),
      ([text, found]) => endpointOf(new URL(Option.getOrElse(text, () => `http://localhost:${found}`)))
    ),
    `an address such as http://localhost:${port}, ${encoded}; or ${portName} a port`
  )

const secret = (name: string) => Config.option(Config.Redacted(name))
const noEmpty = (found: Option.Option<Redacted.Redacted>) => Option.filter(found, (one) => Redacted.value(one) !== "")

const isPostgres = Schema.makeFilter(
  (text: string) => text === "" || (/^[^\s/]+\/\/[^\s/]+\/[^\s/]+$/u.test(text) && isAddress(text, /^postgres(ql)?:$/u))
)
const postgresUrl = Config.schema(Schema.RedactedFromValue(Schema.String.check(isPostgres)), "POSTGRES_URL")

export const settings = Effect.all({
  prometheus: endpoint("PROMETHEUS_URL", "PROMETHEUS_PORT", 9090),
  alertmanager: endpoint("ALERTMANAGER_URL", "ALERTMANAGER_PORT", 9093),
  parley: endpoint("PARLEY_URL", "PORT", 8000),
  /** The server's database; without it the API's word is taken. */
  postgresUrl: Effect.map(
    read("POSTGRES_URL", Config.option(postgresUrl), `like postgresql://user:password@host:5432/parley, ${encoded}`),
    noEmpty
  ),
  /** As the server has it. */
  metricsToken: Effect.map(read("METRICS_TOKEN", secret("METRICS_TOKEN"), "a text"), noEmpty),
  /** What is kept, in folders of it. */
  directory: read(
    "MONITORING_DIR",
    Config.withDefault(Config.NonEmptyString("MONITORING_DIR"), ".data/monitoring"),
    "a folder"
  )
})
export type Settings = Effect.Success<typeof settings>
