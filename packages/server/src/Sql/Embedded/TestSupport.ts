import { PgClient } from "@effect/sql-pg"
import { Effect, type Redacted, Schedule, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { spawn } from "node:child_process"
import { chmod, mkdtemp, readFile, readdir, realpath, rm, stat } from "node:fs/promises"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { type Options, acquire } from "./EmbeddedPostgres.ts"
import { Address, paths } from "./KeeperProtocol.ts"
import { hold } from "./Lock.ts"

/** A folder removed at the end, together with data that had to go elsewhere. */
export const temporaryFolder = (mode = 0o755) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const folder = await mkdtemp("/tmp/parley-embedded-")
      await chmod(folder, mode)
      return folder
    }),
    (folder) =>
      Effect.gen(function* () {
        for (const name of yield* Effect.promise(() => readdir(folder))) {
          yield* Effect.ignore(ended(join(folder, name)))
          const cluster = yield* Effect.promise(() => realpath(paths(join(folder, name)).cluster).catch(() => folder))
          if (!cluster.startsWith(folder)) yield* remove(dirname(cluster))
        }
        yield* remove(folder)
      })
  )
const remove = (folder: string) => Effect.promise(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
export const dataFolder = Effect.map(temporaryFolder(), (folder) => join(folder, "data"))

/** Waits for the keeper's end, and so for PostgreSQL's. */
export const ended = (dataDir: string) => Effect.scoped(hold(paths(dataDir).keeperLock))

export const use = (dataDir: string, options: Partial<Options> = {}) =>
  acquire({ dataDir, durable: false, linger: 0, ...options })

export const client = (url: Redacted.Redacted) =>
  PgClient.make({ url, maxConnections: 1 }).pipe(Effect.provide(Reactivity.layer))

export const query = <A>(
  url: Redacted.Redacted,
  text: string,
  read: (rows: ReadonlyArray<Record<string, unknown>>) => A
) =>
  Effect.scoped(Effect.flatMap(client(url), (sql) => sql.unsafe<Record<string, unknown>>(text))).pipe(Effect.map(read))

export const remember = (url: Redacted.Redacted, text: string) =>
  query(url, `CREATE TABLE notes AS SELECT '${text}' AS text`, () => undefined)
export const remembered = (url: Redacted.Redacted) =>
  query(url, "SELECT text FROM notes ORDER BY text", (rows) => rows.map((row) => row["text"]))

export const until = <A, E>(what: Effect.Effect<A, E>) =>
  what.pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeout("30 seconds"))

export const keeperPid = (dataDir: string) =>
  Effect.promise(() => readFile(paths(dataDir).address, "utf8")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Address)),
    Effect.map(({ pid }) => pid)
  )
export const postmasterPid = (cluster: string) =>
  Effect.promise(async () => Number.parseInt(await readFile(join(cluster, "postmaster.pid"), "utf8")))
/** What has ended by itself by now is as dead as it should be. */
export const killNow = (pid: number) =>
  Effect.sync(() => {
    try {
      process.kill(pid, "SIGKILL")
    } catch {}
  })
export const starts = (dataDir: string) =>
  Effect.promise(async () => (await readFile(paths(dataDir).log, "utf8")).match(/starting PostgreSQL/g)?.length)

const Answer = Schema.fromJsonString(Schema.Struct({ url: Schema.String, started: Schema.Boolean }))

const testUser = fileURLToPath(new URL("./TestUser.ts", import.meta.url))

/** Another process that uses the database until it is killed, which the end of the test does at the latest. */
export const otherProcess = (dataDir: string, { durable = false, linger = 0 } = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [testUser, dataDir, String(linger), durable ? "durable" : "volatile"], {
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(
    Effect.map((child) => ({
      kill: Effect.callback<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      }),
      answer: Effect.callback<string>((resume) => {
        createInterface({ input: child.stdout }).once("line", (line) => resume(Effect.succeed(line)))
      }).pipe(Effect.flatMap(Schema.decodeUnknownEffect(Answer)))
    }))
  )

/** A process of the user who runs PostgreSQL that has nothing to do with it; gives its process id. */
export const unrelatedProcess = (cluster: string) =>
  Effect.promise(() => stat(cluster)).pipe(
    Effect.flatMap(({ gid, uid }) =>
      Effect.acquireRelease(
        Effect.sync(() => spawn("sleep", ["60"], { uid, gid, stdio: "ignore" })),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
    ),
    Effect.map(({ pid }) => pid)
  )

/** A program that accepts connections and never says a word; gives its port. */
export const silentServer = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(
        Effect.succeed({ port: typeof address === "object" ? (address?.port ?? 0) : 0, close: () => server.close() })
      )
    })
  }),
  ({ close }) => Effect.sync(close)
).pipe(Effect.map(({ port }) => port))
