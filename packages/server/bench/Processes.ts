/** Processes beside this one, each ended with its scope, and the CPU they take. */
import { Clock, Console, Effect, FileSystem, Schedule, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"

/** The command line that runs a file of this package on the Node that runs this. */
const command = (
  file: string,
  options: {
    readonly args?: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
    readonly stdout: "pipe" | "ignore"
    readonly stderr?: "pipe"
  }
) =>
  ChildProcess.make(
    process.execPath,
    [fileURLToPath(new URL(`../${file}`, import.meta.url)), ...(options.args ?? [])],
    {
      // Nothing of the caller's environment, nor an .env file of the working directory: the same run everywhere.
      env: { NODE_ENV: "production", ...options.env },
      cwd: tmpdir(),
      stdin: "ignore",
      stdout: options.stdout,
      stderr: options.stderr ?? "inherit",
      forceKillAfter: "10 seconds"
    }
  )

/** What Node says of whoever asks its inspector for something, and nobody wants to know. */
const debuggerAttached = "Debugger attached."

/** Starts what says nothing, or nothing that anybody reads: its output goes to /dev/null. What it complains of is shown. */
export const start = (
  file: string,
  options: { readonly args?: ReadonlyArray<string>; readonly env?: Readonly<Record<string, string>> }
) =>
  Effect.gen(function* () {
    const handle = yield* command(file, { ...options, stdout: "ignore", stderr: "pipe" })
    yield* handle.stderr.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filter((line) => line !== debuggerAttached),
      Stream.runForEach((line) => Console.error(line)),
      Effect.forkScoped
    )
    return handle
  }).pipe(Effect.orDie)

/** Starts what is to be watched, and killed: gives the lines it prints, as they come, and ends it without asking. */
export const startLogged = Effect.fnUntraced(function* (
  file: string,
  options: { readonly args?: ReadonlyArray<string>; readonly env?: Readonly<Record<string, string>> }
) {
  const handle = yield* Effect.acquireRelease(command(file, { ...options, stdout: "pipe" }), ({ pid }) =>
    Effect.sync(() => signal(pid, "SIGKILL"))
  )
  const lines: Array<string> = []
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.runForEach((line) => Effect.sync(() => lines.push(line))),
    Effect.forkScoped
  )
  return { handle, lines }
}, Effect.orDie)

/** To a process that may have ended. */
export const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name)
  } catch {}
}

/** Starts what prints one JSON line when it is ready; gives that line too. */
export const startTold = <A>(file: string, args: ReadonlyArray<string>, ready: Schema.Codec<A, unknown>) =>
  Effect.gen(function* () {
    const handle = yield* command(file, { args, stdout: "pipe" })
    const line = yield* handle.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runHead,
      Effect.flatMap(Effect.fromOption)
    )
    const told = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(ready))(line)
    return { pid: handle.pid, told }
  }).pipe(Effect.orDie)

export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Waits until a GET is answered with 200. */
export const answers = (url: string) =>
  Effect.tryPromise((signal) => fetch(url, { signal })).pipe(
    Effect.filterOrFail(
      (response) => response.ok,
      () => "not ready"
    ),
    Effect.retry(Schedule.spaced("5 millis")),
    Effect.timeout("60 seconds"),
    Effect.orDie
  )

const ticksPerSecond = 100

/** User and system time so far, of all threads, in seconds. From /proc, which only Linux has, in hundredths. */
export const cpuSeconds = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const stat = yield* fs.readFileString(`/proc/${pid}/stat`)
  // The second field is the name, in brackets, and may have anything in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}, Effect.orDie)

/** The most memory it ever had, in MiB. */
export const peakMebibytes = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const status = yield* fs.readFileString(`/proc/${pid}/status`)
  return Number(/^VmHWM:\s+(\d+) kB$/mu.exec(status)?.[1]) / 1024
}, Effect.orDie)

/** What `effect` gave, the seconds it took, and the CPU seconds that another process spent meanwhile. */
export const watching = Effect.fnUntraced(function* <A, E, R>(pid: number, effect: Effect.Effect<A, E, R>) {
  const startedAt = yield* Clock.currentTimeMillis
  const before = yield* cpuSeconds(pid)
  const value = yield* effect
  const cpu = (yield* cpuSeconds(pid)) - before
  return { value, seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1000, cpuSeconds: cpu }
})
