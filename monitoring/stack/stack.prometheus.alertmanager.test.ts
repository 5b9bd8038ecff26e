/** `make monitoring-start` and `-stop` with MONITORING_NATIVE=1, as a person meets them. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { run } from "../prometheus/run.ts"
import { freePort } from "../test/processes.ts"

vi.setConfig({ testTimeout: 120_000 })

const main = fileURLToPath(new URL("main.ts", import.meta.url))

/** A folder and ports of its own, and everything stopped in the end. */
const world = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-stack-" })
  const [prometheus, alertmanager] = [yield* freePort, yield* freePort]
  const env = {
    MONITORING_NATIVE: "1",
    MONITORING_DIR: folder,
    PROMETHEUS_PORT: String(prometheus),
    ALERTMANAGER_PORT: String(alertmanager)
  }
  const monitoring = (command: string, more: Readonly<Record<string, string>> = {}) =>
    run(process.execPath, [main, ...command.split(" ")], { env: { ...env, ...more }, cwd: folder })
  yield* Effect.addFinalizer(() => monitoring("stop"))
  const isUp = (port: number) =>
    Effect.promise(() =>
      fetch(`http://127.0.0.1:${port}/-/ready`).then(
        ({ ok }) => ok,
        () => false
      )
    )
  return { alertmanager, folder, fs, isUp, monitoring, prometheus }
})

layer(NodeServices.layer, { excludeTestServices: true })("the stack", (it) => {
  it.effect("starts in a fresh checkout, says so when it runs already, and stops", () =>
    Effect.gen(function* () {
      const { alertmanager, folder, fs, isUp, monitoring, prometheus } = yield* world
      const started = yield* monitoring("start")
      assert.strictEqual(started.code, 0, started.output)
      assert.include(started.output, `http://127.0.0.1:${prometheus}`)
      assert.match(started.output, /slack +off: wants .*secrets\/slack-webhook-url/u)
      assert.deepStrictEqual([yield* isUp(prometheus), yield* isUp(alertmanager)], [true, true])

      const again = yield* monitoring("start")
      assert.strictEqual(again.code, 0)
      assert.include(again.output, "runs already")

      // Also without being told how it was started.
      const stopped = yield* monitoring("stop", { MONITORING_NATIVE: "0" })
      assert.strictEqual(stopped.code, 0, stopped.output)
      assert.include(stopped.output, "prometheus has stopped")
      assert.deepStrictEqual([yield* isUp(prometheus), yield* isUp(alertmanager)], [false, false])
      assert.isFalse(yield* fs.exists(`${folder}/prometheus.pid`))
      assert.include((yield* monitoring("stop")).output, "prometheus did not run")
    })
  )

  it.effect("starts once when it is started twice at the same time, and stops all of it", () =>
    Effect.gen(function* () {
      const { alertmanager, isUp, monitoring, prometheus } = yield* world
      const both = yield* Effect.all([monitoring("start"), monitoring("start")], { concurrency: 2 })
      assert.deepStrictEqual(
        both
          .map(({ code, output }) => [code, output.includes("runs already")])
          .toSorted((a, b) => (a[1] ? 1 : 0) - (b[1] ? 1 : 0)),
        [
          [0, false],
          [0, true]
        ]
      )
      yield* monitoring("stop")
      assert.deepStrictEqual([yield* isUp(prometheus), yield* isUp(alertmanager)], [false, false])
    })
  )

  it.effect("says which port is taken, and how to choose another, and leaves nothing running", () =>
    Effect.gen(function* () {
      const { alertmanager, folder, fs, isUp, monitoring, prometheus } = yield* world
      yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer()
          server.listen(prometheus, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { code, output } = yield* monitoring("start")
      assert.strictEqual(code, 1)
      assert.include(output, `prometheus cannot listen on port ${prometheus}`)
      assert.include(output, "PROMETHEUS_PORT")
      // It would come first.
      assert.isFalse(yield* isUp(alertmanager))
      assert.notInclude(output, "alertmanager runs")
      assert.include(output, "Nothing was started")
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [".lock"])
    })
  )

  it.effect("says what is not installed, and how to install it", () =>
    Effect.gen(function* () {
      const { monitoring } = yield* world
      const { code, output } = yield* monitoring("start", { PATH: "/nowhere" })
      assert.strictEqual(code, 1)
      assert.include(output, "apt-get install prometheus-alertmanager")
    })
  )

  it.effect("says what to do where there is no Docker", () =>
    Effect.gen(function* () {
      const { monitoring } = yield* world
      const { code, output } = yield* monitoring("start", { MONITORING_NATIVE: "0", PATH: "/nowhere" })
      assert.strictEqual(code, 1)
      assert.include(output, "MONITORING_NATIVE=1 make monitoring-start")
    })
  )

  it.effect("takes a process for its own only if it is one", () =>
    Effect.gen(function* () {
      const { folder, fs, monitoring } = yield* world
      yield* fs.writeFileString(`${folder}/prometheus.pid`, `${process.pid}\n`)
      assert.include((yield* monitoring("stop")).output, "prometheus did not run")
    })
  )

  it.effect("explains itself", () =>
    Effect.gen(function* () {
      const { monitoring } = yield* world
      const { code, output } = yield* monitoring("start --help")
      assert.strictEqual(code, 0)
      assert.include(output, "MONITORING_NATIVE=1")
    })
  )
})
