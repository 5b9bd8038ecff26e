/** A server that goes on when this process has ended, and is found again by the file with its process id. */
import { Config, Effect, FileSystem, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { createServer } from "node:net"

export class BinaryMissing extends Schema.TaggedError<BinaryMissing>()("BinaryMissing", {
  binary: Schema.String,
  package: Schema.String
}) {
  override get message() {
    return `There is no ${this.binary} on the PATH. Debian and Ubuntu have it: apt-get install ${this.package}; others: https://prometheus.io/download`
  }
}

export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  name: Schema.String,
  port: Schema.Finite,
  setting: Schema.String
}) {
  override get message() {
    return `${this.name} cannot listen on port ${this.port}: something else does. Stop that, or choose another port with ${this.setting}. Nothing was started.`
  }
}

export class NotStarted extends Schema.TaggedError<NotStarted>()("NotStarted", {
  name: Schema.String,
  log: Schema.String,
  end: Schema.String
}) {
  override get message() {
    return `${this.name} did not start. The end of ${this.log}:\n${this.end}`
  }
}

export interface Daemon {
  readonly name: "prometheus" | "alertmanager"
  /** Debian calls some of them otherwise. */
  readonly binaries: ReadonlyArray<string>
  readonly package: string
  readonly args: ReadonlyArray<string>
  readonly port: number
  readonly portSetting: string
  /** For its log and its process id. */
  readonly directory: string
}

const find = Effect.fnUntraced(function* ({ binaries, package: from }: Daemon) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Config.String("PATH")
  for (const binary of binaries) {
    for (const folder of path.split(":")) {
      if (yield* fs.exists(`${folder}/${binary}`)) return `${folder}/${binary}`
    }
  }
  return yield* new BinaryMissing({ binary: binaries.join(" or "), package: from })
})

const isFree = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

const send = (pid: number, signal: NodeJS.Signals | 0) =>
  Effect.sync(() => {
    try {
      return process.kill(pid, signal)
    } catch {
      return false
    }
  })

const pidFile = (daemon: Pick<Daemon, "directory" | "name">) => `${daemon.directory}/${daemon.name}.pid`

/** The number of a process that ended may have been given to another: ours has the directory in its command line. */
const isOurs = Effect.fnUntraced(function* (pid: number, { directory }: Pick<Daemon, "directory">) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* send(pid, 0))) return false
  if (!(yield* fs.exists("/proc/self/cmdline"))) return true
  const command = yield* Effect.orElseSucceed(fs.readFileString(`/proc/${pid}/cmdline`), () => "")
  return command.includes(directory)
})

/** The process, if it runs. */
export const running = Effect.fn("Daemon.running")(function* (daemon: Pick<Daemon, "directory" | "name">) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.orElseSucceed(fs.readFileString(pidFile(daemon)), () => "")
  const pid = Number.parseInt(text, 10)
  return pid > 0 && (yield* isOurs(pid, daemon)) ? pid : undefined
})

const every = Schedule.spaced("100 millis")

const launch = (binary: string, args: ReadonlyArray<string>, log: string) =>
  Effect.callback<number | undefined>((resume) => {
    const output = openSync(log, "a", 0o600)
    const child = spawn(binary, args, { detached: true, stdio: ["ignore", output, output] })
    closeSync(output)
    child.once("error", () => resume(Effect.succeed(undefined)))
    child.once("spawn", () => {
      child.unref()
      resume(Effect.succeed(child.pid))
    })
  })

/** Whether it is installed and its port is free. Gives the binary. */
export const startable = Effect.fn("Daemon.startable")(function* (daemon: Daemon) {
  const binary = yield* find(daemon)
  if (yield* isFree(daemon.port)) return binary
  return yield* new PortTaken({ name: daemon.name, port: daemon.port, setting: daemon.portSetting })
})

/** Starts it and waits until it is ready. Gives the process. */
export const start = Effect.fn("Daemon.start")(function* (daemon: Daemon) {
  const fs = yield* FileSystem.FileSystem
  const binary = yield* startable(daemon)
  const log = `${daemon.directory}/${daemon.name}.log`
  const pid = yield* launch(binary, daemon.args, log)
  if (pid !== undefined) yield* fs.writeFileString(pidFile(daemon), `${pid}\n`)
  const isReady = Effect.tryPromise((signal) => fetch(`http://127.0.0.1:${daemon.port}/-/ready`, { signal })).pipe(
    Effect.map(({ ok }) => ok),
    Effect.orElseSucceed(() => false)
  )
  const isUp = yield* Effect.all([isReady, Effect.map(running(daemon), (pid) => pid !== undefined)]).pipe(
    Effect.repeat({ until: ([ready, alive]) => ready || !alive, schedule: every }),
    Effect.map(([ready]) => ready),
    Effect.timeoutOrElse({ duration: "60 seconds", orElse: () => Effect.succeed(false) })
  )
  if (isUp && pid !== undefined) return pid
  yield* stop(daemon)
  const end = yield* Effect.orElseSucceed(fs.readFileString(log), () => "")
  return yield* new NotStarted({ name: daemon.name, log, end: end.trim().split("\n").slice(-5).join("\n") })
})

/** Ends it, and waits until it has ended. Gives whether there was anything to end. */
export const stop = Effect.fn("Daemon.stop")(function* (daemon: Pick<Daemon, "directory" | "name">) {
  const fs = yield* FileSystem.FileSystem
  const pid = yield* running(daemon)
  if (pid !== undefined) {
    yield* send(pid, "SIGTERM")
    yield* running(daemon).pipe(
      Effect.repeat({ until: (left) => left === undefined, schedule: every }),
      // It writes what it has in memory; who takes so long will not.
      Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => send(pid, "SIGKILL") })
    )
  }
  yield* fs.remove(pidFile(daemon), { force: true })
  return pid !== undefined
})
