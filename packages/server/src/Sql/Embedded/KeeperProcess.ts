import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { open, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { type EmbeddedPostgresError, attempt, failure, tail } from "./EmbeddedPostgresError.ts"
import { NoKeeper, keeperBusy, paths } from "./KeeperProtocol.ts"
import { environment } from "./RunAs.ts"

const program = fileURLToPath(new URL("./keeper.ts", import.meta.url))

/**
 * Starts a keeper and waits until it can be connected to. It gets a session of its own, so that Ctrl-C in the terminal does not reach it, none of this
 * process's files, so that nothing that reads its output waits for the keeper, and none of its environment (NODE_OPTIONS=--inspect, say).
 */
export const start = Effect.fn("EmbeddedPostgres.startKeeper")(function* (dataDir: string, durable: boolean) {
  const { log: path } = paths(dataDir)
  const log = yield* Effect.acquireRelease(
    attempt(`cannot write ${path}`, () => open(path, "a", 0o600)),
    (log) => Effect.promise(() => log.close())
  )
  const since = yield* attempt(`cannot read ${path}`, () => log.stat())
  const outcome = yield* Effect.callback<number | "busy" | "failed", EmbeddedPostgresError>((resume) => {
    const child = spawn(process.execPath, [program, dataDir, durable ? "durable" : "volatile"], {
      cwd: "/",
      detached: true,
      env: environment,
      stdio: ["ignore", "pipe", log.fd]
    })
    const { pid } = child
    child.once("error", (cause) => resume(Effect.fail(failure(`cannot run ${process.execPath}: ${cause.message}`))))
    child.once("exit", (code) => resume(Effect.succeed(code === keeperBusy ? "busy" : "failed")))
    child.stdout?.once("data", () => {
      child.unref()
      child.stdout?.destroy()
      if (pid !== undefined) resume(Effect.succeed(pid))
    })
  })
  if (outcome === "busy") return yield* new NoKeeper()
  if (outcome === "failed") {
    const output = yield* attempt(`cannot read ${path}`, () => readFile(path))
    return yield* failure(`the process that keeps PostgreSQL ended at once\n${tail(output.subarray(since.size).toString())}`)
  }
  return outcome
}, Effect.scoped)
