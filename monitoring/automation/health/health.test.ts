/** What is told of servers that answer, but not as they should: each is one of the test's own. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { nowhere } from "../../test/Planted.ts"
import { automation } from "../../test/Program.ts"
import { type Answers, serving } from "../../test/Serving.ts"
import * as Silent from "../../test/Silent.ts"
import { Report } from "./command.ts"

const alertmanager = (config: string): Answers => ({
  "/-/ready": "OK",
  "/api/v2/status": { cluster: { status: "disabled" }, config: { original: config } },
  "/api/v2/alerts": []
})
const receivers = "receivers: [{ name: heartbeat, webhook_configs: [{ url: 'http://localhost' }] }]"

const health = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const parley = yield* serving(503)
  const { output } = yield* automation({ PARLEY_URL: parley, ...env })("health", "--json")
  const { checks } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Report))(output)
  return {
    checks,
    of: (name: string) => checks.filter(({ check }) => check === name).map(({ seen, state }) => `${state}: ${seen}`)
  }
})

layer(NodeServices.layer, { excludeTestServices: true })("health", (it) => {
  it.effect("blames Prometheus for its silence, also where Alertmanager was asked before", () =>
    Effect.gen(function* () {
      const { port } = yield* Silent.listen
      const PROMETHEUS_URL = `http://127.0.0.1:${port}`
      const ALERTMANAGER_URL = yield* serving(alertmanager(receivers))
      const { checks } = yield* health({ PROMETHEUS_URL, ALERTMANAGER_URL })
      const silent = checks.filter(({ seen }) => seen.includes(`:${port} does not answer in time`))
      assert.includeMembers(
        silent.map(({ check }) => check),
        ["Rules", "Targets", "Alertmanager configuration", "Watchdog", "Heartbeat"]
      )
      for (const one of silent) assert.include(Object.values(one).join(), "PROMETHEUS_URL", one.check)
    })
  )

  it.effect("says of an Alertmanager without receivers what it lacks", () =>
    Effect.gen(function* () {
      const ALERTMANAGER_URL = yield* serving(alertmanager(""))
      const { of } = yield* health({ PROMETHEUS_URL: yield* serving(502), ALERTMANAGER_URL })
      const lacks = `critical: ${ALERTMANAGER_URL} has no configuration, or none with receivers`
      assert.deepStrictEqual([of("Alertmanager configuration"), of("Heartbeat")], [[lacks], [lacks]])
    })
  )

  it.effect("tells the status of what answers for another", () =>
    Effect.gen(function* () {
      const { of } = yield* health({
        PROMETHEUS_URL: yield* serving(502),
        ALERTMANAGER_URL: yield* serving(alertmanager(receivers))
      })
      assert.include(of("Rules")[0], "answered 502, and what Prometheus does not: Bad gateway")
      assert.include(of("API health")[0], "answered 503, and what Parley does not: Bad gateway")
    })
  )

  it.effect("blames the API where that was asked for its database", () =>
    Effect.gen(function* () {
      const PROMETHEUS_URL = yield* serving(502)
      const { checks } = yield* health({
        PARLEY_URL: nowhere,
        PROMETHEUS_URL,
        ALERTMANAGER_URL: yield* serving(alertmanager(receivers))
      })
      const of = (name: string) =>
        checks.filter(({ check }) => check === name).map(({ check: _, ...seen }) => Object.values(seen))
      assert.deepStrictEqual(of("Database"), of("API live"))
      assert.notInclude(of("Database").join(), "POSTGRES_URL")
    })
  )

  it.effect("does not take numbers from the future for fresh ones", () =>
    Effect.gen(function* () {
      const result = [{ metric: {}, value: [0, "-7200"] }]
      const PROMETHEUS_URL = yield* serving({
        "/api/v1/query": { status: "success", data: { resultType: "vector", result } }
      })
      const { of } = yield* health({ PROMETHEUS_URL, ALERTMANAGER_URL: yield* serving(alertmanager(receivers)) })
      assert.deepStrictEqual(of("Business metrics"), ["warning: counted 7200 s in the future"])
    })
  )

  it.effect("waits for a monitoring that has just begun, and only so long", () =>
    Effect.gen(function* () {
      const now = yield* DateTime.now
      const rule = {
        type: "alerting",
        name: "Watchdog",
        query: "vector(1)",
        health: "ok",
        lastEvaluation: DateTime.formatIso(now)
      }
      const success = (data: unknown) => ({ status: "success", data })
      const startedAgo = Effect.fnUntraced(function* (seconds: number) {
        const { checks } = yield* health({
          PROMETHEUS_URL: yield* serving({
            "/api/v1/query": success({ resultType: "vector", result: [] }),
            "/api/v1/targets": success({ activeTargets: [] }),
            "/api/v1/alertmanagers": success({ activeAlertmanagers: [] }),
            "/api/v1/rules": success({ groups: [{ name: "all", file: "all.yml", rules: [rule] }] }),
            "/api/v1/status/runtimeinfo": success({
              startTime: DateTime.formatIso(DateTime.subtract(now, { seconds }))
            })
          }),
          ALERTMANAGER_URL: yield* serving(alertmanager(receivers))
        })
        const waiting = new Set([
          "Targets",
          "Business metrics",
          "Alerts",
          "Alertmanager known",
          "Watchdog",
          "Dashboards"
        ])
        return checks.filter(({ check }) => waiting.has(check)).map(({ seen, state }) => `${state}: ${seen}`)
      })
      const wait = "warning: too early to tell: Prometheus has just started"
      assert.deepStrictEqual(yield* startedAgo(20), [wait, wait, wait, wait, wait, wait])
      const missing = yield* startedAgo(90)
      assert.lengthOf(missing, 6)
      assert.include(missing, "critical: not even the Watchdog fires: no alert can")
      assert.notInclude(missing, wait)
    })
  )
})
