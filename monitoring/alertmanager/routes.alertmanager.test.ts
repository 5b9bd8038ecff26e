/** What amtool says of the configuration: that it is right, and who would be told of what. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem } from "effect"
import * as Files from "../stack/files.ts"
import { monitoring } from "../stack/files.ts"
import { places } from "../stack/native.ts"
import { secretNames, settings } from "../stack/settings.ts"
import { run } from "../prometheus/run.ts"

vi.setConfig({ testTimeout: 60_000 })

const committed = `${monitoring}/alertmanager/alertmanager.yml`

const all = "webhook,pagerduty,slack,email"
const routes: ReadonlyArray<readonly [severity: string, category: string, receivers: string]> = [
  ["critical", "cost", all],
  ["critical", "business", all],
  ["critical", "performance", all],
  ["critical", "security", all],
  ["warning", "cost", "webhook,email"],
  ["warning", "business", "webhook,email"],
  ["warning", "performance", "webhook,slack"],
  ["warning", "security", "webhook,slack"],
  // Whoever adds an alert and forgets what it is about: it is read all the same.
  ["warning", "other", "webhook,email"],
  ["other", "", "webhook,email"]
]

const routed = (...labels: ReadonlyArray<string>) =>
  Effect.map(run("amtool", ["config", "routes", "test", `--config.file=${committed}`, ...labels]), ({ output }) =>
    // A warning about flags comes on standard error, before or after.
    output
      .trim()
      .split("\n")
      .findLast((line) => !line.startsWith("Warning:"))
  )

const written = Effect.fnUntraced(function* (secrets: ReadonlyArray<string>, env: Readonly<Record<string, string>>) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-monitoring-" })
  yield* fs.makeDirectory(`${folder}/secrets`)
  for (const name of secrets) {
    yield* fs.writeFileString(`${folder}/secrets/${name}`, `https://example.org/${name}\n`, { mode: 0o644 })
  }
  const found = yield* settings.parse(ConfigProvider.fromUnknown({ MONITORING_DIR: folder, ...env }))
  const channels = yield* Files.write(found, places(found))
  const path = `${folder}/alertmanager/alertmanager.yml`
  const { code, output } = yield* run("amtool", ["check-config", path])
  assert.strictEqual(code, 0, output)
  const on = Object.entries(channels).flatMap(([name, isOn]) => (isOn ? [name] : []))
  return { folder, on: on.toSorted(), yaml: yield* fs.readFileString(path) }
})

layer(NodeServices.layer, { excludeTestServices: true })("amtool", (it) => {
  it.effect("finds the configuration to be right, as it is in the repository", () =>
    Effect.map(run("amtool", ["check-config", committed]), ({ code, output }) => assert.strictEqual(code, 0, output))
  )

  it.effect("sends every severity and category where it should go", () =>
    Effect.gen(function* () {
      for (const [severity, category, receivers] of routes) {
        const found = yield* routed("alertname=Any", `severity=${severity}`, `category=${category}`)
        assert.strictEqual(found, receivers, `${severity} ${category}`)
      }
      assert.strictEqual(yield* routed("alertname=Watchdog", "severity=none", "category=watchdog"), "heartbeat")
    })
  )

  it.effect("finds it right without any channel, as in a fresh checkout, and leaves all of them out", () =>
    Effect.gen(function* () {
      const { on, yaml } = yield* written([], {})
      assert.deepStrictEqual(on, [])
      assert.notMatch(yaml, /_configs:/u)
    })
  )

  it.effect("finds it right with all of them, and no secret in it that can be in a file", () =>
    Effect.gen(function* () {
      const { folder, on, yaml } = yield* written(secretNames, {
        ALERT_EMAIL_TO: "operators@example.org",
        ALERT_SMTP_USERNAME: "parley"
      })
      assert.deepStrictEqual(on, ["email", "heartbeat", "pagerduty", "slack", "webhook"])
      assert.notInclude(yaml, "https://example.org/slack-webhook-url")
      assert.notInclude(yaml, "https://example.org/pagerduty-routing-key")
      assert.notInclude(yaml, "https://example.org/smtp-password")
      assert.include(yaml, "url: https://example.org/webhook-url\n")
      const fs = yield* FileSystem.FileSystem
      const files = [
        "alertmanager/alertmanager.yml",
        "prometheus/metrics-token",
        ...secretNames.flatMap((name) => [`secrets/${name}`, `alertmanager/secrets/${name}`])
      ]
      for (const file of files) {
        assert.strictEqual((yield* fs.stat(`${folder}/${file}`)).mode & 0o777, 0o600, file)
      }
    })
  )

  it.effect("finds it right with some of them", () =>
    Effect.gen(function* () {
      const { on } = yield* written(["slack-webhook-url"], { ALERT_EMAIL_TO: "operators@example.org" })
      assert.deepStrictEqual(on, ["email", "slack"])
    })
  )
})
