/** A PostgreSQL of a test's own, which it can stop, freeze and start again at the same address. */
import { Context, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { execFile } from "node:child_process"
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { signal } from "../bench/Processes.ts"
import * as Binaries from "../src/Sql/Embedded/Binaries.ts"
import * as Cluster from "../src/Sql/Embedded/Cluster.ts"
import * as Postmaster from "../src/Sql/Embedded/Postmaster.ts"
import { runAs } from "../src/Sql/Embedded/RunAs.ts"

/** The postmaster, and whoever serves a connection. */
const processesOf = (postmaster: number) =>
  Effect.promise(async () => {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="])
    const pairs = stdout
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/u).map(Number))
    return [postmaster, ...pairs.flatMap(([pid = 0, parent]) => (parent === postmaster ? [pid] : []))]
  })

export class OwnPostgres extends Context.Service<
  OwnPostgres,
  {
    readonly url: Redacted.Redacted
    /** Ends it, SIGINT with good manners and SIGQUIT without. */
    readonly stop: (how: "SIGINT" | "SIGQUIT") => Effect.Effect<void>
    /** Goes on when it takes connections again. */
    readonly start: Effect.Effect<void>
    readonly freeze: Effect.Effect<void>
    readonly thaw: Effect.Effect<void>
  }
>()("@parley/server/test/OwnPostgres") {
  /** Of another version than the embedded one, it may be. */
  static readonly layerOf = (find: typeof Binaries.find, locale?: ReadonlyArray<string>) =>
    Layer.effect(
      OwnPostgres,
      Effect.suspend(() => make(find, locale))
    )
  static readonly layer = OwnPostgres.layerOf(Binaries.find)
}

const make = (find: typeof Binaries.find, locale: ReadonlyArray<string> | undefined) =>
  Effect.gen(function* () {
    const dataDir = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        // Where root's substitute can go, too.
        const folder = await mkdtemp("/tmp/parley-own-")
        await chmod(folder, 0o755)
        return folder
      }),
      (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    )
    const log = join(dataDir, "postgres.log")
    yield* Effect.promise(() => writeFile(log, ""))
    const user = yield* runAs(join(dataDir, "cluster"))
    const binaries = yield* find(user)
    const { password, path } = yield* Cluster.open({
      dataDir,
      durable: true,
      user,
      binaries,
      ...(locale === undefined ? {} : { locale })
    })

    const life = yield* Effect.scope
    const launch = Effect.gen(function* () {
      const scope = yield* Scope.fork(life)
      const options = { cluster: path, postgres: binaries.postgres, user, durable: true, log }
      return { scope, ...(yield* Scope.provide(Postmaster.run(options), scope)) }
    })
    let running = yield* launch
    const toAll = (name: NodeJS.Signals) =>
      Effect.suspend(() => processesOf(running.pid)).pipe(
        Effect.map((pids) => {
          for (const pid of pids) signal(pid, name)
        })
      )
    return OwnPostgres.of({
      url: Redacted.make(`postgresql://parley:${password}@127.0.0.1:${running.port}/parley`),
      stop: (how) =>
        Effect.suspend(() => {
          signal(running.pid, how)
          return Effect.andThen(running.exited, Scope.close(running.scope, Exit.void))
        }),
      start: Effect.orDie(Effect.map(launch, (next) => void (running = next))),
      freeze: toAll("SIGSTOP"),
      thaw: toAll("SIGCONT")
    })
  })
