import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Runtime } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { madeUp } from "../../test/madeUp.ts"
import { summarise } from "../Report/summarise.ts"
import { writeReport } from "../Report/writeReport.ts"
import { compareCommand } from "./Command.ts"

layer(NodeServices.layer)("evals compare", (it) => {
  const run = Command.runWith(compareCommand, { version: "0.1.0" })

  const exitCode = (...paths: ReadonlyArray<string>) =>
    Effect.match(run(paths), { onFailure: Runtime.getErrorExitCode, onSuccess: () => 0 })

  it.effect("ends with 0 for no regression, 1 for one, 2 where nothing can be compared", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const report = Effect.fn(function* (...options: Parameters<typeof madeUp>) {
        const { json } = yield* writeReport(summarise(madeUp(...options), { includeContent: false }), folder)
        return json
      })
      const before = yield* report({ seed: 1 })
      const same = yield* report({ seed: 2 })
      const worse = yield* report({ seed: 3, shift: { relevancy: -0.2 } })
      const empty = yield* report({ samples: 0 })

      assert.strictEqual(yield* exitCode(before, same), 0)
      assert.strictEqual((yield* TestConsole.logLines).join("\n").split("\n").at(-1), "No significant regression.")
      assert.strictEqual(yield* exitCode(before, worse), 1)
      assert.strictEqual((yield* Effect.flip(run([before, worse]))).message, "Worse than before: relevancy")
      assert.strictEqual(yield* exitCode(worse, before), 0)
      assert.strictEqual(yield* exitCode(before, empty), 2)
      assert.strictEqual(yield* exitCode(before, before.replace(/json$/u, "md")), 2)
    })
  )
})
