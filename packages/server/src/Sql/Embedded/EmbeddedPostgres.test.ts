import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Redacted, Schedule, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import { execFile, spawn } from "node:child_process"
import { chmod, lstat, mkdtemp, readFile, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Options, acquire } from "./EmbeddedPostgres.ts"
import { Address, paths } from "./KeeperProtocol.ts"
import { hold } from "./Lock.ts"
import { isPostmaster } from "./PidFile.ts"

// A first start takes about a second, many at once on a busy machine take longer.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const isRoot = process.getuid?.() === 0

/** A folder removed at the end, together with data that had to go elsewhere. */
const temporaryFolder = (mode = 0o755) =>
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
const dataFolder = Effect.map(temporaryFolder(), (folder) => join(folder, "data"))

/** Waits for the keeper's end, and so for PostgreSQL's. */
const ended = (dataDir: string) => Effect.scoped(hold(paths(dataDir).keeperLock))

const use = (dataDir: string, options: Partial<Options> = {}) => acquire({ dataDir, durable: false, linger: 0, ...options })

const client = (url: Redacted.Redacted) => PgClient.make({ url, maxConnections: 1 }).pipe(Effect.provide(Reactivity.layer))

const query = <A>(url: Redacted.Redacted, text: string, read: (rows: ReadonlyArray<Record<string, unknown>>) => A) =>
  Effect.scoped(Effect.flatMap(client(url), (sql) => sql.unsafe<Record<string, unknown>>(text))).pipe(Effect.map(read))

const remember = (url: Redacted.Redacted, text: string) => query(url, `CREATE TABLE notes AS SELECT '${text}' AS text`, () => undefined)
const remembered = (url: Redacted.Redacted) => query(url, "SELECT text FROM notes ORDER BY text", (rows) => rows.map((row) => row["text"]))

const until = <A, E>(what: Effect.Effect<A, E>) =>
  what.pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeout("10 seconds"))

const keeperPid = (dataDir: string) =>
  Effect.promise(() => readFile(paths(dataDir).address, "utf8")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Address)),
    Effect.map(({ pid }) => pid)
  )
const postmasterPid = (cluster: string) => Effect.promise(async () => Number.parseInt(await readFile(join(cluster, "postmaster.pid"), "utf8")))
const killNow = (pid: number) => Effect.sync(() => process.kill(pid, "SIGKILL"))
const starts = (dataDir: string) => Effect.promise(async () => (await readFile(paths(dataDir).log, "utf8")).match(/starting PostgreSQL/g)?.length)

const Answer = Schema.fromJsonString(Schema.Struct({ url: Schema.String, started: Schema.Boolean }))

const testUser = fileURLToPath(new URL("./test-user.ts", import.meta.url))

/** Another process that uses the database until it is killed, which the end of the test does at the latest. */
const otherProcess = (dataDir: string, { durable = false, linger = 0 } = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [testUser, dataDir, String(linger), durable ? "durable" : "volatile"], { stdio: ["ignore", "pipe", "inherit"] })
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

describe("the embedded PostgreSQL", { concurrent: true }, () => {
  it.live("keeps its data and its URL when it is stopped and started again", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const first = yield* Effect.scoped(Effect.tap(use(dataDir), ({ url }) => remember(url, "before")))
      assert.notInclude(yield* Effect.promise(() => readdir(first.dataDir)), "postmaster.pid")
      const second = yield* use(dataDir)
      assert.deepStrictEqual(yield* remembered(second.url), ["before"])
      assert.strictEqual(Redacted.value(second.url), Redacted.value(first.url))
      assert.deepStrictEqual([first.started, second.started], [true, true])
    }).pipe(Effect.scoped)
  )

  it.live("is UTF-8, in UTC, on loopback only, with a password of its own that only its user can read", () =>
    Effect.gen(function* () {
      const { dataDir, url } = yield* use(yield* dataFolder)
      const show = (name: string) => query(url, `SHOW ${name}`, (rows) => rows[0]?.[name])
      assert.strictEqual(yield* show("server_encoding"), "UTF8")
      assert.strictEqual(yield* show("listen_addresses"), "127.0.0.1")
      assert.strictEqual(yield* show("unix_socket_directories"), "")
      assert.strictEqual(yield* query(url, "SELECT current_setting('TimeZone') || lower('Ä') AS x", (rows) => rows[0]?.["x"]), "UTCä")
      const wrong = new URL(Redacted.value(url))
      wrong.password = "guess"
      const refused = yield* Effect.flip(query(Redacted.make(wrong.href), "SELECT 1", () => undefined))
      assert.strictEqual(refused._tag, "SqlError")
      const secret = yield* Effect.promise(() => stat(join(dataDir, "parley.json")))
      assert.strictEqual(secret.mode & 0o777, 0o600)
    }).pipe(Effect.scoped)
  )

  it.live("is one server with one URL for eight processes that start at once", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const processes = yield* Effect.all(Array.from({ length: 8 }, () => otherProcess(dataDir)))
      const answers = yield* Effect.all(processes.map(({ answer }) => answer), { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ url }) => url)).size, 1)
      assert.strictEqual(answers.filter(({ started }) => started).length, 1)
      assert.strictEqual(yield* starts(dataDir), 1)
    }).pipe(Effect.scoped)
  )

  it.live("goes when the process that used it is killed, but not before the linger time, in which another may come", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const killed = yield* otherProcess(dataDir, { linger: 5_000 })
      const { url } = yield* killed.answer
      yield* killed.kill
      const another = yield* Effect.scoped(use(dataDir, { linger: 1_500 }))
      assert.deepStrictEqual([another.started, Redacted.value(another.url)], [false, url])
      const pid = yield* postmasterPid(another.dataDir)
      assert.isTrue(yield* isPostmaster(pid, another.dataDir))
      yield* ended(dataDir)
      assert.isFalse(yield* isPostmaster(pid, another.dataDir))
    }).pipe(Effect.scoped)
  )

  it.live("goes on undisturbed when its keeper is killed, and still ends with its last user", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const { cluster, pid } = yield* Effect.gen(function* () {
        const first = yield* use(dataDir)
        const sql = yield* client(first.url)
        const session = sql.unsafe<{ pid: number }>("SELECT pg_backend_pid() AS pid")
        const before = yield* session
        const keeper = yield* keeperPid(dataDir)
        yield* killNow(keeper)
        const second = yield* use(dataDir)
        assert.deepStrictEqual([second.started, Redacted.value(second.url)], [false, Redacted.value(first.url)])
        assert.notStrictEqual(yield* keeperPid(dataDir), keeper)
        assert.deepStrictEqual(yield* session, before)
        return { cluster: first.dataDir, pid: yield* postmasterPid(first.dataDir) }
      }).pipe(Effect.scoped)
      yield* ended(dataDir)
      assert.isFalse(yield* isPostmaster(pid, cluster))
    }).pipe(Effect.scoped)
  )

  it.live("comes back by itself, under the same URL and with what was committed, when it is killed", () =>
    Effect.gen(function* () {
      const { dataDir, url } = yield* use(yield* dataFolder, { durable: true })
      yield* remember(url, "committed")
      const pid = yield* postmasterPid(dataDir)
      yield* killNow(pid)
      assert.deepStrictEqual(yield* until(remembered(url)), ["committed"])
      assert.notStrictEqual(yield* postmasterPid(dataDir), pid)
    }).pipe(Effect.scoped)
  )

  it.live("comes back when it and its keeper were killed together, and the process id in its lock file is somebody else's by now", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const other = yield* otherProcess(dataDir, { durable: true })
      const { url } = yield* other.answer
      yield* remember(Redacted.make(url), "kept")
      yield* other.kill
      const pidFile = join(paths(dataDir).cluster, "postmaster.pid")
      const pid = yield* postmasterPid(paths(dataDir).cluster)
      const files = yield* Effect.promise(() => readFile(pidFile, "utf8"))
      yield* killNow(yield* keeperPid(dataDir))
      yield* killNow(pid)
      yield* ended(dataDir)
      yield* Effect.promise(() => writeFile(pidFile, files.replace(String(pid), String(process.pid))))
      // And the keeper's port is a program's that accepts connections and never says a word.
      const stranger = yield* silentServer
      yield* Effect.promise(() => writeFile(paths(dataDir).address, JSON.stringify({ port: stranger, token: "old", pid: 1 })))
      const again = yield* use(dataDir)
      assert.deepStrictEqual(yield* remembered(again.url), ["kept"])
    }).pipe(Effect.scoped)
  )

  it.live("is complete although the first initdb was killed half-way", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const interrupted = yield* otherProcess(dataDir)
      const unfinished = Effect.promise(() => readdir(dataDir).catch(() => [])).pipe(
        Effect.map((names) => names.filter((name) => name.startsWith("unfinished-"))),
        Effect.filterOrFail((names) => names.length > 0)
      )
      const [left = ""] = yield* until(unfinished)
      yield* interrupted.kill
      // The keeper leads a process group in which initdb is.
      yield* killNow(-(yield* keeperPid(dataDir)))
      assert.notInclude(yield* Effect.promise(() => readdir(dataDir)), "cluster")
      const { url } = yield* use(dataDir)
      yield* remember(url, "works")
      assert.notInclude(yield* Effect.promise(() => readdir(dataDir)), left)
    }).pipe(Effect.scoped)
  )

  it.live("needs nothing but its data directory, where its user can enter; where not, as root, it keeps the data elsewhere behind a link", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder(0o700)
      const dataDir = join(folder, "data")
      const first = yield* Effect.scoped(Effect.tap(use(dataDir), ({ url }) => remember(url, "private")))
      const link = yield* Effect.promise(() => lstat(paths(dataDir).cluster))
      assert.strictEqual(link.isSymbolicLink(), isRoot)
      assert.strictEqual(first.dataDir.startsWith("/var/"), isRoot)
      assert.strictEqual(yield* Effect.promise(() => realpath(paths(dataDir).cluster)), first.dataDir)
      const owner = yield* Effect.promise(() => stat(first.dataDir))
      assert.strictEqual(owner.uid === process.getuid?.(), !isRoot)
      assert.strictEqual((yield* Effect.promise(() => stat(folder))).mode & 0o777, 0o700)
      const second = yield* use(dataDir)
      assert.strictEqual(second.dataDir, first.dataDir)
      assert.deepStrictEqual(yield* remembered(second.url), ["private"])
    }).pipe(Effect.scoped)
  )

  it.live("goes along when its data directory is moved, and is not shared with a copy of it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder(0o700)
      const [dataDir, moved, copy] = [join(folder, "data"), join(folder, "moved"), join(folder, "copy")]
      yield* Effect.scoped(Effect.tap(use(dataDir), ({ url }) => remember(url, "mine")))
      yield* Effect.promise(() => rename(dataDir, moved))
      assert.deepStrictEqual(yield* Effect.scoped(Effect.flatMap(use(moved), ({ url }) => remembered(url))), ["mine"])
      yield* Effect.promise(() => promisify(execFile)("cp", ["-a", moved, copy]))
      const [server, other] = yield* Effect.all([use(moved), use(copy)])
      assert.notStrictEqual(other.dataDir, server.dataDir)
      yield* query(other.url, "CREATE TABLE only_here ()", () => undefined)
      const found = yield* query(server.url, "SELECT to_regclass('only_here') AS found", (rows) => rows[0]?.["found"])
      assert.isNull(found)
    }).pipe(Effect.scoped)
  )

  it.live("says what PostgreSQL said, where to look and what to do when it cannot start", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const { dataDir: cluster } = yield* Effect.scoped(use(dataDir))
      yield* Effect.promise(() => writeFile(join(cluster, "PG_VERSION"), "9\n"))
      const error = yield* Effect.flip(use(dataDir))
      assert.strictEqual(error._tag, "EmbeddedPostgresError")
      assert.include(error.message, "database files are incompatible with server")
      assert.include(error.message, paths(dataDir).log)
      assert.include(error.message, "set POSTGRES_URL=")
    }).pipe(Effect.scoped)
  )

  it.live("says so when the data directory cannot be made", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder(), "file")
      yield* Effect.promise(() => writeFile(file, ""))
      const error = yield* Effect.flip(use(join(file, "data")))
      assert.include(error.message, "cannot make the data directory")
      assert.include(error.message, "set POSTGRES_URL=")
    }).pipe(Effect.scoped)
  )
})

const silentServer = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed({ port: typeof address === "object" ? (address?.port ?? 0) : 0, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
).pipe(Effect.map(({ port }) => port))

