import { assert, describe, it, vi } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { execFile } from "node:child_process"
import { lstat, readFile, readdir, realpath, rename, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { paths } from "./KeeperProtocol.ts"
import { isPostmaster } from "./PidFile.ts"
import {
  client,
  dataFolder,
  ended,
  keeperPid,
  killNow,
  otherProcess,
  postmasterPid,
  query,
  remember,
  remembered,
  silentServer,
  starts,
  temporaryFolder,
  unrelatedProcess,
  until,
  use
} from "./TestSupport.ts"

// A first start takes about a second, many at once on a busy machine take longer.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const isRoot = process.getuid?.() === 0

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
      assert.strictEqual(
        yield* query(url, "SELECT current_setting('TimeZone') || lower('Ä') AS x", (rows) => rows[0]?.["x"]),
        "UTCä"
      )
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
      const answers = yield* Effect.forEach(processes, ({ answer }) => answer, { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map(({ url }) => url)).size, 1)
      assert.strictEqual(answers.filter(({ started }) => started).length, 1)
      assert.strictEqual(yield* starts(dataDir), 1)
    }).pipe(Effect.scoped)
  )

  it.live("goes when the process that used it is killed, but not before another could come", () =>
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

  it.live("goes even when its keeper and its last user are killed at once", () =>
    Effect.gen(function* () {
      const dataDir = yield* dataFolder
      const user = yield* otherProcess(dataDir)
      yield* user.answer
      const { cluster } = paths(dataDir)
      const pid = yield* postmasterPid(cluster)
      yield* killNow(yield* keeperPid(dataDir))
      yield* user.kill
      assert.isTrue(yield* isPostmaster(pid, cluster))
      yield* until(Effect.filterOrFail(isPostmaster(pid, cluster), (running) => !running))
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

  it.live("comes back after a crash of everything, even when its process id is somebody else's by now", () =>
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
      const unrelated = yield* unrelatedProcess(paths(dataDir).cluster)
      yield* Effect.promise(() => writeFile(pidFile, files.replace(String(pid), String(unrelated))))
      // And so is its keeper's port.
      const stranger = yield* silentServer
      yield* Effect.promise(() =>
        writeFile(paths(dataDir).address, JSON.stringify({ port: stranger, token: "old", pid: 1 }))
      )
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

  it.live("keeps its files in the data directory, or behind a link there when root owns what others cannot enter", () =>
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
