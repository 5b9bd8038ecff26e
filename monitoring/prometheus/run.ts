/** Runs a command to its end: what it says, on whichever stream, and how it ends. */
import { Effect, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"

export interface Ran {
  readonly code: number
  readonly output: string
}

export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {}
): Effect.Effect<Ran, never, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const handle = yield* ChildProcess.make(command, args, { ...options, extendEnv: true, stdin: "ignore" })
    const [output, code] = yield* Effect.all([handle.all.pipe(Stream.decodeText(), Stream.mkString), handle.exitCode], {
      concurrency: 2
    })
    return { code, output }
  }).pipe(Effect.scoped, Effect.orDie)
