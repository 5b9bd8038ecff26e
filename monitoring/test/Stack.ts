/**
 * Prometheus and Alertmanager, started as `make monitoring-start` does it, with the rules and the configuration of the
 * repository, in a world where a minute lasts a second.
 */
import { ConfigProvider, Context, Effect, FileSystem, Layer } from "effect"
import { directory as rulesDirectory, files, hasten } from "../prometheus/rules.ts"
import * as Daemon from "../stack/Daemon.ts"
import * as Files from "../stack/files.ts"
import * as Native from "../stack/native.ts"
import { settings } from "../stack/settings.ts"
import { App } from "./App.ts"
import { Channels } from "./Channels.ts"
import { freePort } from "./processes.ts"

const times = 60

/** Slack and PagerDuty know callers by these. */
export const secrets = (url: string) => ({
  "smtp-password": "the-password",
  "slack-webhook-url": `${url}/slack`,
  "pagerduty-routing-key": "the-key-of-the-service",
  "webhook-url": `${url}/webhook`,
  "heartbeat-url": `${url}/heartbeat`
})

export class Stack extends Context.Service<
  Stack,
  {
    /** Addresses. */
    readonly prometheus: string
    readonly alertmanager: string
    /** MONITORING_DIR. */
    readonly directory: string
    /** Where the rules are that Prometheus reads. */
    readonly rules: string
    /** Has Prometheus read its configuration again. */
    readonly reload: Effect.Effect<void>
    /** Has Prometheus scrape these, too, of a job `elsewhere`. */
    readonly scrape: (targets: ReadonlyArray<string>) => Effect.Effect<void>
  }
>()("@parley/monitoring/test/Stack") {
  static readonly layer = Layer.effect(
    Stack,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { metricsToken, port } = yield* App
      const { smtpPort, url } = yield* Channels
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-stack-" })
      yield* fs.makeDirectory(`${folder}/secrets`)
      for (const [name, value] of Object.entries(secrets(url))) {
        yield* fs.writeFileString(`${folder}/secrets/${name}`, `${value}\n`)
      }
      yield* fs.makeDirectory(`${folder}/rules`)
      for (const name of files) {
        const yaml = yield* fs.readFileString(`${rulesDirectory}/rules/${name}.yml`)
        yield* fs.writeFileString(`${folder}/rules/${name}.yml`, hasten(yaml, times))
      }
      const found = yield* settings.parse(
        ConfigProvider.fromUnknown({
          MONITORING_DIR: folder,
          PARLEY_TARGETS: `127.0.0.1:${port}`,
          PROMETHEUS_PORT: yield* freePort,
          ALERTMANAGER_PORT: yield* freePort,
          METRICS_TOKEN: metricsToken,
          ALERT_EMAIL_TO: "operators@example.com",
          ALERT_EMAIL_FROM: "parley@example.com",
          ALERT_SMTP_SMARTHOST: `127.0.0.1:${smtpPort}`,
          ALERT_SMTP_USERNAME: "parley",
          ALERT_SMTP_REQUIRE_TLS: "false",
          ALERT_PAGERDUTY_URL: `${url}/pagerduty`
        })
      )
      const scrape = (targets: ReadonlyArray<string>) =>
        Effect.orDie(fs.writeFileString(`${folder}/elsewhere.json`, JSON.stringify([{ targets }])))
      yield* scrape([])
      const elsewhere = `
  - job_name: elsewhere
    file_sd_configs: [{ files: ["${folder}/elsewhere.json"], refresh_interval: 1s }]
`
      yield* Files.write(found, { ...Native.places(found), rules: `${folder}/rules` }, (file, yaml) =>
        file === "alertmanager"
          ? hasten(yaml, times)
          : `${yaml}${elsewhere}`
              .replace("scrape_interval: 15s", "scrape_interval: 1s")
              .replace("scrape_timeout: 10s", "scrape_timeout: 1s")
              .replace("evaluation_interval: 15s", "evaluation_interval: 500ms")
      )
      for (const daemon of Native.daemons(found)) {
        // What Prometheus sends before it knows of Alertmanager is lost, and sent again after a minute, if nothing is said.
        const args = daemon.name === "prometheus" ? ["--rules.alert.resend-delay=1s", ...daemon.args] : daemon.args
        yield* Effect.acquireRelease(Daemon.start({ ...daemon, args }), () => Effect.orDie(Daemon.stop(daemon)))
      }
      return Stack.of({
        prometheus: `http://127.0.0.1:${found.prometheusPort}`,
        alertmanager: `http://127.0.0.1:${found.alertmanagerPort}`,
        directory: folder,
        rules: `${folder}/rules`,
        reload: Effect.gen(function* () {
          const pid = yield* Daemon.running({ name: "prometheus", directory: folder })
          if (pid !== undefined) process.kill(pid, "SIGHUP")
        }).pipe(Effect.provideService(FileSystem.FileSystem, fs), Effect.orDie),
        scrape
      })
    }).pipe(Effect.orDie)
  )
}
