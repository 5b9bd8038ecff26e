/** Health and backup of what really runs, with things going wrong in it one after the other. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Option, Schedule, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { gunzipSync } from "node:zlib"
import { inject } from "vitest"
import { App } from "../test/App.ts"
import { Channels } from "../test/Channels.ts"
import { automation, type Ran } from "../test/Program.ts"
import { secrets, Stack } from "../test/Stack.ts"
import * as Backup from "./backup/command.ts"
import { Report } from "./health/command.ts"
import { Prometheus } from "./Prometheus.ts"
import * as Suite from "./suite/Suite.ts"

vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

const World = Stack.layer.pipe(
  Layer.provideMerge(Layer.merge(App.layer, Channels.layer)),
  Layer.provideMerge(NodeServices.layer)
)

/** The program, told of these servers as an operator tells it. */
const program = Effect.gen(function* () {
  const { alertmanager, directory, prometheus } = yield* Stack
  const { metricsToken, port } = yield* App
  const env = {
    PROMETHEUS_URL: prometheus,
    ALERTMANAGER_URL: alertmanager,
    PARLEY_URL: `http://127.0.0.1:${port}`,
    POSTGRES_URL: inject("postgresUrl"),
    METRICS_TOKEN: metricsToken,
    MONITORING_DIR: directory
  }
  return { env, run: automation(env) }
})

const reportOf = <A>(schema: Schema.Codec<A, unknown>, { output }: Ran) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(output))

/** Once what happened has come round: the exit code, and what is not well. */
const health = Effect.fnUntraced(function* (code: number, ...words: ReadonlyArray<string>) {
  const { run } = yield* program
  const seen = Effect.gen(function* () {
    const ran = yield* run("health", "--json")
    const { checks } = yield* reportOf(Report, ran)
    const bad = checks.filter(({ state }) => state !== "ok").map((one) => Object.values(one).join(" | "))
    return { code: ran.code, bad }
  })
  return yield* seen.pipe(
    Effect.repeat({
      until: (found) => found.code === code && words.every((word) => found.bad.some((line) => line.includes(word))),
      schedule: Schedule.spaced("1 second")
    }),
    Effect.timeoutOrElse({
      duration: "90 seconds",
      orElse: () =>
        Effect.flatMap(seen, (last) =>
          Effect.die(new Error(`Not ${code}, ${words.join(", ")}: ${JSON.stringify(last)}`))
        )
    })
  )
})

layer(World, { excludeTestServices: true })("the automation", (it) => {
  it.effect("tells of health that it is good, then has a warning, then knows what is missing, then what fires", () =>
    Effect.gen(function* () {
      const { reload, rules, scrape } = yield* Stack
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual((yield* health(0)).bad, [])

      yield* scrape(["127.0.0.1:1"])
      const warned = yield* health(1, "Targets | warning | elsewhere at 127.0.0.1:1 is down: ")
      assert.lengthOf(warned.bad, 1)
      yield* scrape([])

      const cost = yield* fs.readFileString(`${rules}/cost.yml`)
      yield* fs.remove(`${rules}/cost.yml`)
      yield* reload
      yield* health(2, "LlmSpendSpike", "#watchdog")
      yield* fs.writeFileString(`${rules}/cost.yml`, cost)
      yield* reload
      yield* health(0)

      const { refresh, register } = yield* App
      const stolen = yield* register
      yield* refresh(stolen)
      yield* refresh(stolen)
      yield* health(2, "Alerts | critical | RefreshTokenReuseDetected fires", "#refreshtokenreusedetected")
    })
  )

  it.effect("tells of health that the server is gone, and that it is back", () =>
    Effect.gen(function* () {
      const { start, stop } = yield* App
      yield* stop
      yield* health(2, "API live | critical", "Targets | critical | parley at", "ApiDown fires")
      yield* start
    })
  )

  it.effect("tells nothing of the health of a day before it began", () =>
    Effect.gen(function* () {
      const { run } = yield* program
      const ran = yield* run("health", "--date", "2020-02-29", "--json")
      const { at, checks } = yield* reportOf(Report, ran)
      assert.strictEqual(ran.code, 1)
      assert.strictEqual(at, "2020-02-29T23:59:59.000Z")
      assert.isTrue(checks.every(({ seen, state }) => state === "warning" && seen.includes("no data")))
    })
  )

  it.effect("asks Prometheus: no data where there is none, and an error where there is one", () =>
    Effect.gen(function* () {
      const { env } = yield* program
      const services = Prometheus.layer.pipe(
        Layer.provide([FetchHttpClient.layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env))])
      )
      yield* Effect.gen(function* () {
        const { instant, value } = yield* Prometheus
        assert.deepStrictEqual(yield* instant("no_such_metric"), [])
        assert.deepStrictEqual(yield* value("no_such_metric"), Option.none())
        assert.deepStrictEqual(yield* value("vector(0) / 0"), Option.none())
        assert.deepStrictEqual(yield* value("vector(0)"), Option.some(0))
        assert.deepStrictEqual(yield* instant("vector(1) / 0"), [{ labels: {}, value: Infinity }])
        assert.deepStrictEqual(yield* value("1 + 1"), Option.some(2))
        const refused = yield* Effect.flip(instant("sum(rate(up[1m])"))
        assert.strictEqual(refused._tag, "QueryRefused")
        assert.include(refused.message, "unclosed")
      }).pipe(Effect.provide(services))
    })
  )

  it.effect("tells with the costs since when Prometheus knows any", () =>
    Effect.gen(function* () {
      const { run } = yield* program
      const { output } = yield* run("costs", "--days", "2")
      assert.match(output, /^By what came of it \(.* which has data only since \d{4}-\d\d-\d\d \d\d:\d\d UTC\)/mu)
    })
  )

  it.effect("keeps a backup without any secret, and compares it with what is now", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { directory } = yield* Stack
      const { metricsToken } = yield* App
      const { url } = yield* Channels
      const { run } = yield* program
      // Where nobody would look for one.
      const machine = `${directory}/prometheus/prometheus.yml`
      const kept = yield* fs.readFileString(machine)
      yield* fs.writeFileString(machine, `# The service is ${secrets(url)["pagerduty-routing-key"]}.\n${kept}`)
      const made = yield* reportOf(Backup.Report, yield* run("backup", "--json"))
      assert.deepStrictEqual([made.state, made.did, made.notes], ["ok", "made", []])
      const archive = made.archive ?? ""
      const text = gunzipSync(yield* fs.readFile(archive)).toString()
      for (const name of [
        "machine/alertmanager/alertmanager.yml",
        "running/prometheus.yml",
        "running/alertmanager.yml"
      ]) {
        assert.include(text, name)
      }
      for (const secret of [...Object.values(secrets(url)), metricsToken]) assert.notInclude(text, secret)
      assert.strictEqual((yield* run("backup", "--verify", archive)).code, 0)

      yield* fs.writeFileString(machine, "# changed\n")
      const differs = yield* run("backup", "--verify")
      assert.strictEqual(differs.code, 1)
      assert.include(differs.output, "machine/prometheus/prometheus.yml has changed since")

      yield* fs.truncate(archive, 1000)
      const broken = yield* run("backup", "--verify")
      assert.strictEqual(broken.code, 2)
      assert.include(broken.output, "was changed or cut off")
    })
  )

  it.effect("runs all of it as a suite, and the worst of it is its exit code", () =>
    Effect.gen(function* () {
      const { env } = yield* program
      const ran = yield* automation({ ...env, PARLEY_URL: "http://127.0.0.1:1" })("suite", "--json", "--dry-run")
      const { steps } = yield* reportOf(Suite.Report, ran)
      assert.strictEqual(ran.code, 2)
      assert.deepStrictEqual([steps.at(0)?.name, steps.at(0)?.state], ["health", "critical"])
      assert.deepStrictEqual([steps.at(-1)?.name, steps.at(-1)?.state], ["backup", "ok"])
    })
  )
})
