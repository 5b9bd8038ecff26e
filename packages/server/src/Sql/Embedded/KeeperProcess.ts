import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { type FileHandle, open, readFile, rename, stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { type EmbeddedPostgresError, attempt, failure, tail } from "./EmbeddedPostgresError.ts"
import { NoKeeper, keeperBusy, paths } from "./KeeperProtocol.ts"
import { environment } from "./RunAs.ts"

const program = fileURLToPath(new URL("./keeper.ts", import.meta.url))

const maxLogBytes = 10_000_000

/** A long log makes room, and is kept until the next one is long. */
const openLog = async (path: string): Promise<FileHandle> => {
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0
  )
  if (bytes > maxLogBytes) await rename(path, `${path}.old`)
  return open(path, "a", 0o600)
}

/**
 * Starts a keeper and waits until it can be connected to. It gets a session of its own, so that Ctrl-C in the
 * terminal does not reach it, none of this process's files, so that nothing which reads its output waits for the
 * keeper, and none of its environment (NODE_OPTIONS=--inspect, say).
 */
export const start = Effect.fn("EmbeddedPostgres.startKeeper")(function* (dataDir: string, durable: boolean) {
  const { log: path } = paths(dataDir)
  const log = yield* Effect.acquireRelease(
    attempt(`cannot write ${path}`, () => openLog(path)),
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
    return Effect.sync(() => child.kill())
  })
  if (outcome === "busy") return yield* new NoKeeper()
  if (outcome === "failed") {
    const output = yield* attempt(`cannot read ${path}`, () => readFile(path))
    return yield* failure(
      `the process that keeps PostgreSQL ended at once\n${tail(output.subarray(since.size).toString())}`
    )
  }
  return outcome
}, Effect.scoped)
