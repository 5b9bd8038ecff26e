/** `evals` as a process of its own, in a folder of its own, which a test can interrupt and kill. */
import { Effect, FileSystem } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { StubJudge } from "./StubJudge.ts"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** A folder with a dataset of so many answers. */
export const folder = Effect.fnUntraced(function* (count: number) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "parley-evals-" })
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: `s${index}`, input: `Question ${index}`, output: `Answer ${index}` })
  )
  yield* fs.writeFileString(`${directory}/answers.jsonl`, lines.join("\n"))
  return directory
})

export const start = (
  cwd: string,
  stub: Pick<StubJudge, "baseUrl">,
  args: ReadonlyArray<string>,
  more: Record<string, string> = {}
) => {
  const env = {
    NO_COLOR: "1",
    APP_ENV: "test",
    EVALUATION_API_KEY: "stub",
    EVALUATION_BASE_URL: stub.baseUrl,
    LLM_API_KEY: "stub",
    LLM_BASE_URL: stub.baseUrl,
    ...more
  }
  const child = spawn(process.execPath, [main, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  child.stdout.on("data", (piece: Buffer) => (output += piece.toString()))
  child.stderr.on("data", (piece: Buffer) => (output += piece.toString()))
  const ended = Effect.callback<Ended>((resume) => {
    if (child.exitCode !== null) return resume(Effect.succeed({ code: child.exitCode, signal: null, output }))
    child.once("close", (code, signal) => resume(Effect.succeed({ code, signal, output })))
  })
  return { ended, send: (signal: NodeJS.Signals) => child.kill(signal) }
}

/** From the beginning to the end. */
export const run = (...args: Parameters<typeof start>) => Effect.suspend(() => start(...args).ended)
