/** A real Redis of a test's own, that can be killed, frozen and started again: redis-server on a free port. */
import { Context, Effect, FileSystem, Layer } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { freePort } from "../bench/Processes.ts"

/** Waits until it says that it is ready. */
const run = (port: number, directory: string) =>
  Effect.callback<ChildProcess>((resume) => {
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
    const child = spawn("redis-server", options, { stdio: ["ignore", "pipe", "inherit"] })
    child.once("error", () =>
      resume(Effect.die(new Error("There is no redis-server: `make test` installs it, or says how")))
    )
    let output = ""
    child.stdout.on("data", (data) => {
      output += String(data)
      if (output.includes("Ready to accept connections")) resume(Effect.succeed(child))
    })
    child.once("exit", () => resume(Effect.die(new Error(`redis-server has ended:\n${output}`))))
  })

const gone = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

/** One that does not run yet. What it knows is lost when it is killed. */
export class RealRedis extends Context.Service<
  RealRedis,
  {
    readonly url: string
    readonly start: Effect.Effect<void>
    readonly kill: Effect.Effect<void>
    readonly freeze: Effect.Effect<void>
    readonly thaw: Effect.Effect<void>
  }
>()("@parley/server/test/RealRedis") {
  static readonly layerStopped = Layer.effect(
    RealRedis,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "parley-redis-" })
      const port = yield* freePort
      let child: ChildProcess | undefined
      const kill = Effect.suspend(() => (child === undefined ? Effect.void : gone(child)))
      yield* Effect.addFinalizer(() => kill)
      return RealRedis.of({
        url: `redis://127.0.0.1:${port}`,
        start: Effect.map(run(port, directory), (started) => void (child = started)),
        kill,
        freeze: Effect.sync(() => child?.kill("SIGSTOP")),
        thaw: Effect.sync(() => child?.kill("SIGCONT"))
      })
    })
  )

  static readonly layer = Layer.tap(RealRedis.layerStopped, (context) => Context.get(context, RealRedis).start)
}
