import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { open, readFile, stat } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { type EmbeddedPostgresError, attempt, failure, tail } from "./EmbeddedPostgresError.ts"
import * as PidFile from "./PidFile.ts"
import { type RunAs, environment } from "./RunAs.ts"

/** A running PostgreSQL. It is stopped when the scope closes. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** It was already running: the keeper before this one was killed. */
  readonly adopted: boolean
  readonly exited: Effect.Effect<void>
}

export interface Options {
  readonly cluster: string
  readonly postgres: string
  readonly user: RunAs
  readonly durable: boolean
  readonly log: string
}

const startTimeout = "30 seconds"
const maxStarts = 20

export const run = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Postmaster, EmbeddedPostgresError, Scope.Scope> {
  const running = yield* adopt(options.cluster)
  if (running !== undefined) return running
  let port = yield* freePort(yield* lastPort(options.cluster))
  for (let start = 1; ; start++) {
    const outcome = yield* launch(options, port)
    if (outcome._tag === "Running") return outcome.postmaster
    const isPortTaken = /could not bind|could not create any TCP\/IP sockets/.test(outcome.output)
    // The processes of a postmaster that was killed need a moment to notice and go; PostgreSQL does not start before.
    const isStillInUse = /shared memory block .* is still in use|lock file ".*" already exists/.test(outcome.output)
    if (start === maxStarts || !(isPortTaken || isStillInUse)) {
      return yield* failure(`PostgreSQL ended while starting\n${outcome.output}`)
    }
    if (isPortTaken) port = yield* freePort(0)
    else yield* Effect.sleep("500 millis")
  }
})

const settings = (options: Options, port: number): ReadonlyArray<string> => [
  `port=${port}`,
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=200",
  "timezone=UTC",
  "log_timezone=UTC",
  "log_checkpoints=off",
  ...(options.durable ? [] : ["fsync=off", "synchronous_commit=off", "full_page_writes=off"])
]

const launch = Effect.fnUntraced(function* (options: Options, port: number) {
  const since = yield* attempt(`cannot read ${options.log}`, () => stat(options.log))
  const child = yield* Effect.acquireRelease(startChild(options, port), (child) => stop(child))
  const running: Outcome = {
    _tag: "Running",
    postmaster: { pid: child.pid, port, adopted: false, exited: child.exited }
  }
  const output = attempt(`cannot read ${options.log}`, () => readFile(options.log)).pipe(
    Effect.map((log) => tail(log.subarray(since.size).toString()))
  )
  const ended = Effect.map(output, (output): Outcome => ({ _tag: "Ended", output }))
  return yield* PidFile.ready(options.cluster, child.pid).pipe(
    Effect.as(running),
    Effect.raceFirst(Effect.andThen(child.exited, ended)),
    Effect.timeoutOrElse({
      duration: startTimeout,
      orElse: () =>
        Effect.flatMap(output, (output) =>
          Effect.fail(failure(`PostgreSQL was not ready within ${startTimeout}\n${output}`))
        )
    })
  )
})

type Outcome =
  | { readonly _tag: "Running"; readonly postmaster: Postmaster }
  | { readonly _tag: "Ended"; readonly output: string }

const startChild = Effect.fnUntraced(function* (options: Options, port: number) {
  const { cluster, log, postgres, user } = options
  const output = yield* attempt(`cannot open ${log}`, () => open(log, "a"))
  const exited = yield* Deferred.make<void>()
  const pid = yield* Effect.callback<number, EmbeddedPostgresError>((resume) => {
    const child = spawn(postgres, ["-D", cluster, ...settings(options, port).flatMap((setting) => ["-c", setting])], {
      cwd: "/",
      env: environment,
      uid: user?.uid,
      gid: user?.gid,
      stdio: ["ignore", output.fd, output.fd]
    })
    child.once("exit", () => Deferred.doneUnsafe(exited, Effect.void))
    child.once("error", (cause) => resume(Effect.fail(failure(`cannot run ${postgres}: ${cause.message}`))))
    child.once("spawn", () => child.pid !== undefined && resume(Effect.succeed(child.pid)))
  }).pipe(Effect.ensuring(Effect.promise(() => output.close())))
  const child: Process = {
    pid,
    isRunning: Effect.map(Deferred.isDone(exited), (done) => !done),
    exited: Deferred.await(exited)
  }
  return child
})

/** Takes over a PostgreSQL that outlived its keeper: others may be connected to it, so it is not restarted. */
const adopt = Effect.fnUntraced(function* (cluster: string) {
  const found = yield* PidFile.settled(cluster).pipe(
    Effect.timeoutOrElse({
      duration: startTimeout,
      orElse: () =>
        Effect.fail(
          failure(`the PostgreSQL that already runs on ${cluster} neither got ready nor ended within ${startTimeout}`)
        )
    })
  )
  if (found === undefined) return undefined
  const { pid, port } = found
  // Not a child of this process, so no event tells of its end.
  const isRunning = PidFile.isPostmaster(pid, cluster)
  const exited = isRunning.pipe(
    Effect.repeat({ schedule: Schedule.spaced("500 millis"), while: (running) => running }),
    Effect.asVoid
  )
  const postmaster: Postmaster = { pid, port, adopted: true, exited }
  return yield* Effect.acquireRelease(Effect.succeed(postmaster), () => stop({ pid, isRunning, exited }))
})

interface Process {
  readonly pid: number
  readonly isRunning: Effect.Effect<boolean>
  readonly exited: Effect.Effect<void>
}

/** Fast shutdown, then immediate (as pg_ctl calls them), then none. */
const stop = Effect.fnUntraced(function* ({ exited, isRunning, pid }: Process) {
  for (const [signal, patience] of [
    ["SIGINT", "20 seconds"],
    ["SIGQUIT", "5 seconds"],
    ["SIGKILL", "5 seconds"]
  ] as const) {
    if (!(yield* isRunning)) return
    yield* Effect.ignore(attempt("just ended", () => process.kill(pid, signal)))
    yield* Effect.timeoutOption(exited, patience)
  }
})

/**
 * PostgreSQL keeps the command line of its last start; the same port again lets those who know its URL connect again.
 */
const lastPort = (cluster: string): Effect.Effect<number> =>
  attempt("never started", () => readFile(join(cluster, "postmaster.opts"), "utf8")).pipe(
    Effect.map((options) => Number(/"port=(\d+)"/.exec(options)?.[1] ?? 0)),
    Effect.orElseSucceed(() => 0)
  )

/** `wanted` if it is free, else another. Somebody may take it before PostgreSQL does: `run` tries again then. */
const freePort = (wanted: number): Effect.Effect<number, EmbeddedPostgresError> =>
  Effect.callback<number, EmbeddedPostgresError>((resume) => {
    const server = createServer()
    server.once("error", (cause) =>
      resume(wanted === 0 ? Effect.fail(failure(`no free port on 127.0.0.1: ${cause.message}`)) : freePort(0))
    )
    server.listen({ host: "127.0.0.1", port: wanted }, () => {
      const address = server.address()
      const port = typeof address === "object" ? (address?.port ?? 0) : 0
      server.close(() => resume(Effect.succeed(port)))
    })
  })
