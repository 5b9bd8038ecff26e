/** What is told of servers that answer, but not as they should: each is one of the test's own. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { createServer } from "node:http"
import { automation } from "../../test/Program.ts"
import * as Silent from "../../test/Silent.ts"
import { Report } from "./command.ts"

type Answers = Readonly<Record<string, unknown>>

/** Answers each path with this as JSON, or with a status alone; what is not there is a 404. */
const serving = (answers: Answers | number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
        const server = createServer(({ url = "/" }, response) => {
          const answer = typeof answers === "number" ? undefined : answers[url.split("?")[0] ?? ""]
          response.statusCode = typeof answers === "number" ? answers : answer === undefined ? 404 : 200
          response.end(answer === undefined ? "Bad gateway" : JSON.stringify(answer))
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            server.close()
            server.closeAllConnections()
          }
          resume(Effect.succeed({ port, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ port }) => `http://127.0.0.1:${port}`
  )

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

  it.effect("waits for a monitoring that has just begun", () =>
    Effect.gen(function* () {
      const now = DateTime.formatIso(yield* DateTime.now)
      const rule = { type: "alerting", name: "Watchdog", query: "vector(1)", health: "unknown", lastEvaluation: now }
      const watchdog = {
        labels: { alertname: "Watchdog" },
        annotations: {},
        state: "firing",
        activeAt: now,
        value: "1"
      }
      const success = (data: unknown) => ({ status: "success", data })
      const { of } = yield* health({
        PROMETHEUS_URL: yield* serving({
          "/api/v1/query": success({ resultType: "vector", result: [] }),
          "/api/v1/rules": success({ groups: [{ name: "all", file: "all.yml", rules: [rule] }] }),
          "/api/v1/alerts": success({ alerts: [watchdog] })
        }),
        ALERTMANAGER_URL: yield* serving(alertmanager(receivers))
      })
      assert.deepStrictEqual(of("Alerts"), ["warning: none was evaluated yet"])
      assert.deepStrictEqual(of("Watchdog"), ["warning: Prometheus has just begun to send it"])
    })
  )
})
