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

const burn = { alertname: "ApiErrorBudgetBurn", severity: "critical" }

const cases: ReadonlyArray<{ cause: object; muted: ReadonlyArray<object>; told: ReadonlyArray<object> }> = [
  {
    cause: { alertname: "ApiDown" },
    muted: [{ alertname: "ApiLatencyHigh" }, burn, { alertname: "BusinessMetricsStale" }],
    told: [{ alertname: "RefreshTokenReuseDetected" }]
  },
  { cause: { alertname: "LlmUpstreamFailing" }, muted: [burn], told: [{ alertname: "ApiLatencyHigh" }] },
  { cause: burn, muted: [{ ...burn, severity: "warning" }], told: [] },
  { cause: { alertname: "UserCostAboveThreshold" }, muted: [{ alertname: "UserCostAboveTarget" }], told: [] },
  {
    cause: { alertname: "LoginFailureSpike" },
    muted: [{ alertname: "RateLimitRejectionsHigh", limit: "login" }],
    told: [{ alertname: "RateLimitRejectionsHigh", limit: "chat" }]
  }
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
      for (const { cause, muted, told } of cases) {
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-inhibition-" })
        const found = yield* settings.parse(
          ConfigProvider.fromUnknown({ MONITORING_DIR: folder, ALERTMANAGER_PORT: yield* freePort })
        )
        yield* Files.write(found, Native.places(found))
        const [alertmanager] = Native.daemons(found)
        assert.isDefined(alertmanager)
        yield* Effect.acquireRelease(Daemon.start(alertmanager), () => Effect.orDie(Daemon.stop(alertmanager)))
        const url = `http://127.0.0.1:${found.alertmanagerPort}/api/v2/alerts`
        const body = JSON.stringify([cause, ...muted, ...told].map((labels) => ({ labels })))
        const headers = { "content-type": "application/json" }
        yield* Effect.promise(() => fetch(url, { method: "POST", headers, body }))
        // Alertmanager looks at causes and at symptoms side by side: a symptom may be there for a moment before its cause.
        const alerts = yield* Effect.promise(async (): Promise<unknown> => (await fetch(url)).json()).pipe(
          Effect.flatMap(Schema.decodeUnknownEffect(Alerts)),
          Effect.orDie,
          Effect.repeat({
            until: (all) =>
              all.length === 1 + muted.length + told.length &&
              all.filter(({ status }) => status.inhibitedBy.length > 0).length >= muted.length,
            schedule: Schedule.spaced("50 millis")
          }),
          Effect.timeout("10 seconds")
        )
        const inhibited = alerts.filter(({ status }) => status.inhibitedBy.length > 0)
        assert.sameDeepMembers(
          inhibited.map(({ labels }) => labels),
          muted.map((labels) => ({ ...labels }))
        )
      }
    }).pipe(Effect.scoped)
  )
})
