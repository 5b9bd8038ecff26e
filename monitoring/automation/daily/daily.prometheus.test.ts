/** What a real Prometheus tells of days that are gone: its blocks are made of what the test says has been measured. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, FileSystem, Layer, Option, Schema } from "effect"
import { run as command } from "../../prometheus/run.ts"
import { answers, freePort, start } from "../../test/processes.ts"
import { Planted, told } from "../../test/Planted.ts"
import * as Day from "../Day.ts"
import { run } from "./command.ts"
import type { Name } from "./measures.ts"
import { Report } from "./Report.ts"

type Sample = readonly [series: string, value: number, atSeconds: number]

const seconds = (moment: DateTime.Utc) => DateTime.toEpochMillis(moment) / 1000

/**
 * Of the day and the two before: requests of which one in a hundred fails, on the day one in twenty and slow; revenue; the
 * Watchdog; and on the day an alert that fires twice. On the first of them the server was only watched from six in the
 * morning on.
 */
const samples = (day: Day.Day): ReadonlyArray<Sample> => {
  const all: Array<Sample> = []
  const begin = seconds(Day.plus(day, -2).start)
  const of = (name: string, labels: string) => `${name}{job="parley",${labels}}`
  const request = `http_request_method="GET",http_route="/api/v1/users/me"`
  const bucket = "http_server_request_duration_seconds_bucket"
  const count = "http_server_request_duration_seconds_count"
  const totals = { ok: 0, failed: 0 }
  for (let at = begin; at <= seconds(day.end); at += 300) {
    const isDay = at >= seconds(day.start)
    all.push([of(count, `${request},http_response_status_code="200"`), totals.ok, at])
    all.push([of(count, `${request},http_response_status_code="500"`), totals.failed, at])
    for (const le of ["0.1", "2.5", "+Inf"]) {
      all.push([
        of(bucket, `${request},http_response_status_code="200",le="${le}"`),
        isDay && le === "0.1" ? 0 : totals.ok,
        at
      ])
    }
    totals.ok += isDay ? 95 : 99
    totals.failed += isDay ? 5 : 1
  }
  for (let at = begin; at < seconds(day.end); at += 60) {
    const isDay = at >= seconds(day.start)
    all.push([of("ALERTS", `alertname="Watchdog",alertstate="firing",severity="none"`), 1, at])
    if (at > begin + 6 * 3600) all.push([of("up", `instance="a"`), 1, at])
    all.push([of("revenue_arr_euros", `instance="a"`), isDay ? 11_000 : 10_000, at])
    const minute = Math.floor((at - seconds(day.start)) / 60)
    if ((minute >= 60 && minute < 70) || (minute >= 600 && minute < 605)) {
      all.push([of("ALERTS", `alertname="ApiLatencyHigh",alertstate="firing",severity="critical"`), 1, at])
    }
  }
  return all
}

const openMetrics = (all: ReadonlyArray<Sample>) => {
  const names = Map.groupBy(all, ([series]) => series.slice(0, series.indexOf("{")))
  const lines = [...names].flatMap(([name, found]) => [
    `# TYPE ${name} unknown`,
    ...found.map(([series, value, at]) => `${series} ${value} ${at}`)
  ])
  return `${lines.join("\n")}\n# EOF\n`
}

const someDay = Effect.map(Day.today, (day) => Day.plus(day, -2))

/** The address of one that knows these. */
const prometheus = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-days-" })
  yield* fs.writeFileString(`${folder}/samples`, openMetrics(samples(yield* someDay)))
  const made = yield* command("promtool", [
    "tsdb",
    "create-blocks-from",
    "openmetrics",
    `${folder}/samples`,
    `${folder}/data`
  ])
  assert.strictEqual(made.code, 0, made.output)
  yield* fs.writeFileString(`${folder}/prometheus.yml`, "{}")
  const port = yield* freePort
  yield* start("prometheus", [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=error"
  ])
  const url = `http://127.0.0.1:${port}`
  yield* answers(`${url}/-/ready`)
  return url
})

layer(Layer.merge(Planted.layer, NodeServices.layer), { excludeTestServices: true })("a day in Prometheus", (it) => {
  it.effect("has its latency, errors, revenue and alerts, and none of days nobody has measured", () =>
    Effect.gen(function* () {
      const { url } = yield* Planted
      const fs = yield* FileSystem.FileSystem
      const variables = {
        POSTGRES_URL: url,
        PROMETHEUS_URL: yield* prometheus,
        MONITORING_DIR: yield* fs.makeTempDirectoryScoped({ prefix: "parley-daily-" })
      }
      const daily = (date: Day.Day) =>
        Effect.gen(function* () {
          const input = { json: false, dryRun: true, resend: false, date: Option.some(date) }
          const outcome = yield* Effect.provide(run(input), told(variables))
          return { ...outcome, report: yield* Schema.decodeUnknownEffect(Report)(outcome.json) }
        })
      const day = yield* someDay
      const { report, state, text } = yield* daily(day)
      const of = (name: Name, digits = 2) => {
        const found = report.lines.find((one) => one.name === name)
        return [found?.value, found?.mean, found?.days].map((value) => Number((value ?? Number.NaN).toFixed(digits)))
      }
      assert.strictEqual(state, "ok")
      assert.deepStrictEqual(of("requests", 0), [28_800, 28_800, 2])
      assert.deepStrictEqual(of("error_rate"), [0.05, 0.01, 2])
      assert.deepStrictEqual(of("arr"), [11_000, 10_000, 2])
      // All below 0.1 s before; between 0.1 s and 2.5 s on the day.
      assert.deepStrictEqual(of("latency_p95"), [2.38, 0.1, 2])
      assert.deepStrictEqual(report.changes, ["latency_p95", "error_rate", "arr"])
      assert.deepStrictEqual(report.alerts, [{ name: "ApiLatencyHigh", severity: "critical", times: 2, minutes: 15 }])
      assert.include(text, "ApiLatencyHigh (critical): 2 times, 15 min")

      // The day before: none fired. Before that nobody knows.
      assert.deepStrictEqual((yield* daily(Day.plus(day, -1))).report.alerts, [])
      const unknown = yield* daily(Day.plus(day, -9))
      assert.isNull(unknown.report.alerts)
      assert.isEmpty(unknown.report.lines.filter(({ value }) => value !== null))
      assert.strictEqual(unknown.state, "warning")
      assert.include(unknown.text, "Prometheus has no data of that day: it did not watch Parley, or has forgotten")
      const part = yield* daily(Day.plus(day, -2))
      assert.strictEqual(part.state, "warning")
      assert.include(part.text, `Prometheus has data of Parley since ${Day.plus(day, -2).name} 06:01 UTC`)
    })
  )
})
