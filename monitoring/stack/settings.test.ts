import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Option, Redacted } from "effect"
import { layerProviderFrom, settingNames, settings } from "./settings.ts"

layer(NodeServices.layer)("settings of the monitoring", (it) => {
  it.effect("come from the environment, else from the local file of it, else from the committed one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${directory}/.env.staging`, "GRAFANA_PORT=3001\nPROMETHEUS_PORT=9091\n")
      yield* fs.writeFileString(
        `${directory}/.env.staging.local`,
        "METRICS_TOKEN=secret\nPROMETHEUS_PORT=9092\nGRAFANA_PORT=3002\n"
      )
      const variables = ConfigProvider.fromEnv({ env: { APP_ENV: "staging", GRAFANA_PORT: "3003" } })
      const read = yield* Effect.provide(settings, layerProviderFrom(variables, directory))
      assert.deepStrictEqual([read.grafanaPort, read.prometheusPort], [3003, 9092])
      assert.strictEqual(Redacted.value(Option.getOrThrow(read.metricsToken)), "secret")
      assert.deepStrictEqual(read.fullTargets, ["app:8000"])
      const names = yield* Effect.provide(settingNames, layerProviderFrom(variables, directory))
      assert.deepStrictEqual(names.toSorted(), ["APP_ENV", "GRAFANA_PORT", "METRICS_TOKEN", "PROMETHEUS_PORT"])
    })
  )
})
