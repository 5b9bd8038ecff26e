/** What promtool says of the rules: that they are right, and that they do what is said of them. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem } from "effect"
import * as Files from "../stack/files.ts"
import { places } from "../stack/native.ts"
import { settings } from "../stack/settings.ts"
import { run } from "./run.ts"
import { directory } from "./rules.ts"

// Seconds, on a busy machine many.
vi.setConfig({ testTimeout: 120_000 })

layer(NodeServices.layer, { excludeTestServices: true })("promtool", (it) => {
  it.effect("finds the rules and the configuration to be right", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-monitoring-" })
      const found = yield* settings.parse(ConfigProvider.fromUnknown({ MONITORING_DIR: folder }))
      yield* Files.write(found, places(found))
      const { code, output } = yield* run("promtool", ["check", "config", `${folder}/prometheus/prometheus.yml`])
      assert.strictEqual(code, 0, output)
      assert.include(output, "6 rule files found")
      // The one in the repository differs in places of files that are not on this machine.
      const committed = ["check", "config", "--syntax-only", `${directory}/prometheus.yml`]
      assert.strictEqual((yield* run("promtool", committed)).code, 0)
    })
  )

  it.effect("sees each alert fire when it should, say what it should, and stay quiet just under its threshold", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const tests = yield* fs.readDirectory(`${directory}/tests`)
      const results = yield* Effect.forEach(
        tests,
        (test) => run("promtool", ["test", "rules", `${directory}/tests/${test}`]),
        { concurrency: 2 }
      )
      assert.isAtLeast(results.length, 15)
      for (const { code, output } of results) assert.strictEqual(code, 0, output)
    })
  )
})
