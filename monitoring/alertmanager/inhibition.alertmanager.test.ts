/** Who is told of a cause is not told of its symptoms: seen with a real Alertmanager. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Schedule, Schema } from "effect"
import * as Daemon from "../stack/Daemon.ts"
import * as Files from "../stack/files.ts"
import * as Native from "../stack/native.ts"
import { settings } from "../stack/settings.ts"
import { freePort } from "../test/processes.ts"

vi.setConfig({ testTimeout: 60_000 })

const cases: ReadonlyArray<readonly [cause: object, symptom: object, isInhibited: boolean]> = [
  [{ alertname: "ApiDown" }, { alertname: "ApiLatencyHigh" }, true],
  [{ alertname: "ApiDown" }, { alertname: "ApiErrorBudgetBurn", severity: "critical" }, true],
  [{ alertname: "ApiDown" }, { alertname: "BusinessMetricsStale" }, true],
  [{ alertname: "ApiDown" }, { alertname: "RefreshTokenReuseDetected" }, false],
  [{ alertname: "LlmUpstreamFailing" }, { alertname: "ApiErrorBudgetBurn", severity: "critical" }, true],
  [{ alertname: "LlmUpstreamFailing" }, { alertname: "ApiLatencyHigh" }, false],
  [
    { alertname: "ApiErrorBudgetBurn", severity: "critical" },
    { alertname: "ApiErrorBudgetBurn", severity: "warning" },
    true
  ],
  [{ alertname: "UserCostAboveThreshold" }, { alertname: "UserCostAboveTarget" }, true],
  [{ alertname: "LoginFailureSpike" }, { alertname: "RateLimitRejectionsHigh", limit: "login" }, true],
  [{ alertname: "LoginFailureSpike" }, { alertname: "RateLimitRejectionsHigh", limit: "chat" }, false]
]

const Alerts = Schema.Array(
  Schema.Struct({
    labels: Schema.Record(Schema.String, Schema.String),
    status: Schema.Struct({ inhibitedBy: Schema.Array(Schema.String), state: Schema.String })
  })
)

layer(NodeServices.layer, { excludeTestServices: true })("an alert", (it) => {
  it.effect("is inhibited by its cause, and by nothing else", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const [cause, symptom, isInhibited] of cases) {
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-inhibition-" })
        const found = yield* settings.parse(
          ConfigProvider.fromUnknown({ MONITORING_DIR: folder, ALERTMANAGER_PORT: yield* freePort })
        )
        yield* Files.write(found, Native.places(found))
        const [alertmanager] = Native.daemons(found)
        assert.isDefined(alertmanager)
        yield* Effect.acquireRelease(Daemon.start(alertmanager), () => Effect.orDie(Daemon.stop(alertmanager)))
        const url = `http://127.0.0.1:${found.alertmanagerPort}/api/v2/alerts`
        const body = JSON.stringify([{ labels: cause }, { labels: symptom }])
        const headers = { "content-type": "application/json" }
        yield* Effect.promise(() => fetch(url, { method: "POST", headers, body }))
        const alerts = Effect.promise(async (): Promise<unknown> => (await fetch(url)).json()).pipe(
          Effect.flatMap(Schema.decodeUnknownEffect(Alerts)),
          Effect.orDie,
          Effect.repeat({
            until: (all) => all.length === 2 && all.every(({ status }) => status.state !== "unprocessed"),
            schedule: Schedule.spaced("50 millis")
          }),
          Effect.timeout("10 seconds")
        )
        const inhibited = (yield* alerts).filter(({ status }) => status.inhibitedBy.length > 0)
        assert.deepStrictEqual(
          inhibited.map(({ labels }) => labels),
          isInhibited ? [{ ...symptom }] : []
        )
      }
    }).pipe(Effect.scoped)
  )
})
