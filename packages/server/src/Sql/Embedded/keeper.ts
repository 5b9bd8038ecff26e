import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import { rename, writeFile } from "node:fs/promises"
import * as Binaries from "./Binaries.ts"
import * as Cluster from "./Cluster.ts"
import { attempt } from "./EmbeddedPostgresError.ts"
import { Address, keeperBusy, paths } from "./KeeperProtocol.ts"
import * as KeeperUsers from "./KeeperUsers.ts"
import { tryHold } from "./Lock.ts"
import * as OrphanGuard from "./OrphanGuard.ts"
import * as Postmaster from "./Postmaster.ts"
import { runAs } from "./RunAs.ts"

/**
 * The process which owns one embedded PostgreSQL: `node keeper.ts <data directory> durable|volatile`. It outlives the
 * process that started it, serves everyone who uses the same data, and ends when the last of them has gone. When
 * PostgreSQL ends it ends too; the users then start it again.
 */
const [dataDir = "", durability = "durable"] = process.argv.slice(2)
const file = paths(dataDir)

const serve = Effect.fnUntraced(function* (users: KeeperUsers.KeeperUsers) {
  const durable = durability === "durable"
  const user = yield* runAs(file.cluster)
  const binaries = yield* Binaries.find(user)
  const cluster = yield* Cluster.open({ dataDir, durable, user, binaries })
  const postmaster = yield* Postmaster.run({
    cluster: cluster.path,
    postgres: binaries.postgres,
    user,
    durable,
    log: file.log
  })
  yield* OrphanGuard.watch({ dataDir, cluster: cluster.path, postmaster: postmaster.pid })
  yield* users.tell({
    _tag: "Ready",
    url: `postgresql://parley:${cluster.password}@127.0.0.1:${postmaster.port}/parley`,
    cluster: cluster.path,
    ...(postmaster.adopted ? {} : { startedBy: process.pid })
  })
  yield* Effect.logInfo(`serving ${cluster.path} on port ${postmaster.port}`)
  yield* postmaster.exited
  yield* Effect.logWarning(`PostgreSQL ended`)
}, Effect.scoped)

const encodeAddress = Schema.encodeSync(Address)

const listen = Effect.gen(function* () {
  const token = randomBytes(24).toString("base64url")
  const users = yield* KeeperUsers.open(token)
  const address = encodeAddress({ port: users.port, token, pid: process.pid })
  yield* attempt(`cannot write ${file.address}`, async () => {
    await writeFile(`${file.address}.new`, address, { mode: 0o600 })
    await rename(`${file.address}.new`, file.address)
  })
  // Whoever started this process waits for the line. It may be dead by now, which is no reason to fail.
  process.stdout.on("error", () => {})
  process.stdout.write("listening\n")
  return users
})

// Standard output belongs to whoever started this process; standard error is the log file.
const logger = Logger.make(({ date, logLevel, message }) => {
  process.stderr.write(`${date.toISOString()} ${logLevel.toUpperCase()} keeper ${process.pid}: ${String(message)}\n`)
})

const keep = Effect.gen(function* () {
  if (!(yield* tryHold(file.keeperLock))) {
    process.exitCode = keeperBusy
    return
  }
  const users = yield* listen
  // Not before there is somebody to tell how it went.
  yield* users.arrived.pipe(
    Effect.andThen(serve(users)),
    Effect.raceFirst(users.left),
    Effect.tapError((error) => users.tell({ _tag: "Failed", message: error.message }))
  )
  yield* Effect.logInfo(`done`)
}).pipe(
  Effect.scoped,
  Effect.tapError((error) => Effect.logError(error.message)),
  Effect.tapDefect((defect) => Effect.logError(defect)),
  Effect.provide(Logger.layer([logger]))
)

NodeRuntime.runMain(keep, { disableErrorReporting: true })
