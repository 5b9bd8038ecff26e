/**
 * All of it on loopback: the server as a process with an embedded PostgreSQL, Prometheus with our rules, Alertmanager, and
 * the world outside. Everything is scraped and evaluated each second, so that a minute shows what otherwise takes an hour.
 */
import { Context, Effect, FileSystem, Layer, Schedule } from "effect"
import { fileURLToPath } from "node:url"
import * as Outside from "./Outside.ts"
import * as Prometheus from "./Prometheus.ts"
import { answers, freePort, start } from "./processes.ts"

export const webhookSecret = "whsec_of_these_tests"
const token = "the-token-of-prometheus"

const settings = {
  APP_ENV: "development",
  LOG_LEVEL: "Warn",
  JWT_SECRET_KEY: "a secret for tests, of 32 bytes or more",
  BCRYPT_ROUNDS: "4",
  LLM_API_KEY: "stub",
  LLM_MODEL: Outside.models[0],
  LLM_FALLBACK_MODELS: Outside.models[1],
  LLM_MAX_ATTEMPTS: "2",
  // Tokens that come back at once are known for stolen ones.
  REFRESH_REUSE_GRACE_SECONDS: "0",
  RATE_LIMIT_DEFAULT: "1000000 per hour",
  RATE_LIMIT_CHAT: "1000000 per hour",
  RATE_LIMIT_CHAT_STREAM: "1000000 per hour",
  RATE_LIMIT_REGISTER: "1000000 per hour",
  RATE_LIMIT_LOGIN: "40 per minute",
  LLM_DAILY_BUDGET_EUR: "10",
  METRICS_TOKEN: token,
  BUSINESS_METRICS_INTERVAL: "1 second",
  STRIPE_WEBHOOK_SECRET: webhookSecret
}

const alertmanagerConfig = (outside: string) => ({
  route: {
    receiver: "webhook",
    group_by: ["alertname"],
    group_wait: "1s",
    group_interval: "10s",
    repeat_interval: "1m",
    routes: [
      { matchers: ['severity = "critical"'], receiver: "slack", continue: true },
      { matchers: ['alertname =~ ".+"'], receiver: "webhook" }
    ]
  },
  receivers: [
    { name: "webhook", webhook_configs: [{ url: `${outside}/webhook` }] },
    { name: "slack", slack_configs: [{ api_url: `${outside}/slack`, channel: "#alerts" }] }
  ]
})

const prometheusConfig = (ports: {
  readonly app: number
  readonly prometheus: number
  readonly alertmanager: number
}) => {
  const targets = (port: number) => [{ targets: [`127.0.0.1:${port}`] }]
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [fileURLToPath(new URL("../prometheus/rules/*.yml", import.meta.url))],
    alerting: { alertmanagers: [{ static_configs: targets(ports.alertmanager) }] },
    scrape_configs: [
      { job_name: "parley", authorization: { credentials: token }, static_configs: targets(ports.app) },
      { job_name: "prometheus", static_configs: targets(ports.prometheus) },
      { job_name: "alertmanager", static_configs: targets(ports.alertmanager) }
    ]
  }
}

export class Monitored extends Context.Service<
  Monitored,
  {
    /** Addresses. */
    readonly app: string
    readonly prometheus: string
  }
>()("@parley/monitoring/test/Monitored") {
  /** With an embedded PostgreSQL of its own, unless there is another. */
  static readonly layerOn = <R>(database: Effect.Effect<{ readonly url: string } | undefined, never, R>) =>
    Layer.effect(
      Monitored,
      Effect.gen(function* () {
        const postgres = yield* database
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-monitored-" })
        const outside = yield* Outside.listen
        const ports = {
          app: yield* freePort,
          prometheus: yield* freePort,
          alertmanager: yield* freePort
        }
        const urls = { app: `http://127.0.0.1:${ports.app}`, prometheus: `http://127.0.0.1:${ports.prometheus}` }
        const main = fileURLToPath(new URL("../../packages/server/src/main.ts", import.meta.url))
        const env = {
          ...settings,
          HOST: "127.0.0.1",
          PORT: String(ports.app),
          ...(postgres === undefined ? { DATA_DIR: `${folder}/data` } : { POSTGRES_URL: postgres.url }),
          LLM_BASE_URL: `${outside.url}/v1`,
          // There are traces only where there is somebody to send them to.
          OTEL_EXPORTER_OTLP_ENDPOINT: outside.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: "http/json"
        }
        yield* start(process.execPath, [main], { env })
        // JSON is YAML.
        yield* fs.writeFileString(`${folder}/alertmanager.yml`, JSON.stringify(alertmanagerConfig(outside.url)))
        yield* fs.writeFileString(`${folder}/prometheus.yml`, JSON.stringify(prometheusConfig(ports)))
        const alertmanager = [
          `--config.file=${folder}/alertmanager.yml`,
          `--storage.path=${folder}/alertmanager`,
          `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
          "--cluster.listen-address="
        ]
        // It complains of Slack, which is what Slack is there for.
        yield* start("prometheus-alertmanager", alertmanager, { isExpected: true })
        yield* answers(`${urls.app}/health/ready`)
        // What there is before the first request is 0, and is seen to be.
        yield* start("prometheus", [
          `--config.file=${folder}/prometheus.yml`,
          `--storage.tsdb.path=${folder}/prometheus`,
          `--web.listen-address=127.0.0.1:${ports.prometheus}`,
          "--enable-feature=exemplar-storage",
          "--log.level=error"
        ])
        yield* answers(`${urls.prometheus}/-/ready`)
        yield* Effect.repeat(Prometheus.client(urls.prometheus).instant("users_registered_total"), {
          until: (series) => series.length > 0,
          schedule: Schedule.spaced("200 millis")
        })
        return Monitored.of(urls)
      }).pipe(Effect.orDie)
    )

  static readonly layer = Monitored.layerOn(Effect.succeed(undefined))
}
