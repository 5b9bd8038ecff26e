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

  it.effect("are not looked for in files that are not there, nor ones that cannot be read", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${directory}/.env.staging`)
      const problem = (APP_ENV: string) =>
        Effect.map(
          Effect.flip(
            Effect.provide(Effect.void, layerProviderFrom(ConfigProvider.fromEnv({ env: { APP_ENV } }), directory))
          ),
          ({ message }) => message
        )
      assert.strictEqual(
        yield* problem("prod"),
        'APP_ENV is "prod", but must be one of development, staging, production, test'
      )
      assert.strictEqual(
        yield* problem("staging"),
        `The settings cannot be read: ${directory}/.env.staging: it is a folder`
      )
    })
  )
})
