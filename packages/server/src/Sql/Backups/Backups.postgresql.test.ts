import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Redacted, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { DebianPostgres } from "../../../test/DebianPostgres.ts"
import { OwnPostgres } from "../../../test/OwnPostgres.ts"
import { databaseUrl } from "../../../test/TestDatabase.ts"
import { answer, newcomer, transcript } from "../../../test/TestChat.ts"
import { TestServer } from "../../../test/TestServer.ts"
import { startLogged } from "../../../bench/Processes.ts"
import { Metrics } from "../../Telemetry/Metrics.ts"
import * as Database from "../Database.ts"
import * as Backup from "./Backup.ts"
import * as Files from "./Files.ts"
import * as PgTools from "./PgTools.ts"
import * as Restore from "./Restore.ts"

const settingsOf = (url: Redacted.Redacted, dataDir = "/nonexistent") =>
  ConfigProvider.layer(
    ConfigProvider.fromUnknown({ APP_ENV: "test", POSTGRES_URL: Redacted.value(url), DATA_DIR: dataDir })
  )

/** A server of ours on a database of that PostgreSQL. */
const serverOn = (url: Redacted.Redacted) =>
  TestServer.layerWith({
    database: Database.layer.pipe(Layer.provide(Metrics.layer), Layer.provide(settingsOf(url)), Layer.orDie)
  })

const admin = (url: Redacted.Redacted) => PgClient.layer({ url, applicationName: "test" })

const ask = <A, E, R>(url: Redacted.Redacted, use: (sql: SqlClient.SqlClient) => Effect.Effect<A, E, R>) =>
  Effect.orDie(Effect.scoped(Effect.provide(Effect.flatMap(SqlClient.SqlClient, use), admin(url))))

let databases = 0
/** An empty one. */
const makeEmpty = Effect.gen(function* () {
  const { url } = yield* OwnPostgres
  const name = `other_${++databases}`
  yield* ask(url, (sql) => sql`CREATE DATABASE ${sql(name)} TEMPLATE template0`)
  return databaseUrl(url, name)
})

/** Every row of every table, and how the tables are made. */
const contentOf = (url: Redacted.Redacted) =>
  ask(url, (sql) =>
    Effect.gen(function* () {
      const tables = yield* sql<{ readonly name: string }>`
        SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`
      const rows: Record<string, ReadonlyArray<unknown>> = {}
      for (const { name } of tables)
        rows[name] = yield* sql`SELECT t::text AS row FROM ${sql(name)} t ORDER BY t::text COLLATE "C"`
      const made = yield* sql`
        SELECT indexdef AS definition FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
          WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', table_name, column_name, data_type, column_default, is_nullable)
          FROM information_schema.columns WHERE table_schema = 'public'
        ORDER BY 1`
      return { rows, made }
    })
  )

const never = { force: false, confirm: () => Effect.succeed(false) }
const force = { force: true, confirm: () => Effect.die("asked") }

const restored = (file: string, url: Redacted.Redacted, options: typeof never | typeof force = never) =>
  Effect.provide(Restore.restore(file, options), settingsOf(url))

const messageOf = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

const folder = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.makeTempDirectoryScoped({ prefix: "parley-backups-" })
})
const listed = (dataDir: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.readDirectory(`${dataDir}/backups`), () => []))

const backedUp = (url: Redacted.Redacted, dataDir: string, keep = 14) =>
  Effect.provide(Backup.create(keep), settingsOf(url, dataDir))

/** The same file with its content changed, and a checksum that fits. */
const changed = Effect.fnUntraced(function* (file: string, change: (content: Uint8Array) => Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = `${file}.changed`
  yield* fs.writeFile(path, change(yield* fs.readFile(file)))
  yield* fs.writeFileString(Files.checksumOf(path), `${yield* Files.sha256(path)}  changed\n`)
  return path
})

const People = Layer.unwrap(Effect.map(OwnPostgres, ({ url }) => serverOn(url)))

layer(People.pipe(Layer.provideMerge(DebianPostgres)), { excludeTestServices: true, timeout: "60 seconds" })(
  "a backup",
  (it) => {
    it.effect("of people who have talked is all of it, row by row, in another database, where a server goes on", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { url } = yield* OwnPostgres
        const people = yield* Effect.all([newcomer, newcomer])
        for (const person of people)
          for (const words of ["Hello", "O'Brien; DROP TABLE users; --", "naïve 😀\n\\.\n\ttab"])
            yield* answer(person, words)
        const dataDir = yield* folder
        const { file } = yield* backedUp(url, dataDir)
        assert.strictEqual((yield* fs.stat(file)).mode & 0o777, 0o600)

        const other = yield* makeEmpty
        yield* restored(file, other)
        const [before, after] = yield* Effect.all([contentOf(url), contentOf(other)])
        assert.deepStrictEqual(after, before)
        for (const table of [
          "users",
          "sessions",
          "messages",
          "checkpoints",
          "checkpoint_blobs",
          "usage",
          "refresh_tokens"
        ])
          assert.isNotEmpty(before.rows[table], table)

        const [person] = people
        const said = yield* transcript(person)
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* transcript(person), said)
          yield* answer(person, "Where were we?")
        }).pipe(Effect.provide(serverOn(other)))
      })
    )

    it.effect("replaces what is in a database when it must, and else leaves it alone", () =>
      Effect.gen(function* () {
        const { url } = yield* OwnPostgres
        const { file } = yield* backedUp(url, yield* folder)
        const other = yield* makeEmpty
        yield* ask(other, (sql) => sql`CREATE TABLE mine (id int PRIMARY KEY)`)
        assert.include(
          yield* messageOf(restored(file, other)),
          "already, and nothing was changed. To replace all of it"
        )
        assert.deepStrictEqual(Object.keys((yield* contentOf(other)).rows), ["mine"])
        yield* restored(file, other, force)
        assert.deepStrictEqual(yield* contentOf(other), yield* contentOf(url))
        // Servers are connected to this one.
        assert.include(yield* messageOf(restored(file, url)), "Servers are connected")
      })
    )

    it.effect("that is broken, changed, without its checksum or not there is refused, and nothing is touched", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { url } = yield* OwnPostgres
        const { file } = yield* backedUp(url, yield* folder)
        const other = yield* makeEmpty
        const half = yield* changed(file, (content) => content.subarray(0, Math.floor(content.length / 2)))
        const text = yield* changed(file, () => new TextEncoder().encode("DROP TABLE users;"))
        assert.include(yield* messageOf(restored(half, other)), "pg_restore failed: ")
        assert.include(yield* messageOf(restored(text, other)), "pg_restore failed: ")
        yield* fs.remove(Files.checksumOf(half))
        assert.include(yield* messageOf(restored(half, other)), "there is no checksum beside it")
        yield* fs.writeFileString(file, "!", { flag: "a" })
        assert.include(yield* messageOf(restored(file, other)), "it is broken or was changed")
        assert.include(yield* messageOf(restored(`${file}.not`, other)), "there is no such file")
        assert.deepStrictEqual((yield* contentOf(other)).rows, {})
      })
    )

    it.effect("that breaks off in the middle leaves what was there, also when it was to be replaced", () =>
      Effect.gen(function* () {
        const { url } = yield* OwnPostgres
        const { file } = yield* backedUp(url, yield* folder)
        const other = yield* makeEmpty
        yield* restored(file, other)
        yield* ask(other, (sql) => sql`CREATE TABLE mine (id int PRIMARY KEY)`)
        const before = yield* contentOf(other)
        // Its list of contents is whole, and stands before them: that it breaks off shows when other tables are restored.
        let inTheMiddle = 0
        for (const missing of [5, 100, 300, 600]) {
          const cut = yield* changed(file, (content) => content.subarray(0, -missing))
          if (yield* Effect.isSuccess(PgTools.run("pg_restore", ["--list", cut]))) inTheMiddle++
          assert.include(yield* messageOf(restored(cut, other, force)), "pg_restore failed: ")
          assert.deepStrictEqual(yield* contentOf(other), before)
        }
        assert.isAtLeast(inTheMiddle, 3)
      })
    )

    it.effect("made twice at the same time is two, and no more are kept than were asked for", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { url } = yield* OwnPostgres
        const dataDir = yield* folder
        yield* fs.makeDirectory(`${dataDir}/backups`)
        const old = ["parley-20200101T000000Z.dump", "parley-20200102T000000Z.dump"]
        const foreign = ["parley-20200101T000000Z.dump.bak", "notes.txt"]
        for (const name of [...old, ...old.map(Files.checksumOf), ...foreign])
          yield* fs.writeFileString(`${dataDir}/backups/${name}`, "")
        const made = yield* Effect.all([backedUp(url, dataDir, 3), backedUp(url, dataDir, 3)], { concurrency: 2 })
        const names = made.map(({ file }) => file.slice(file.lastIndexOf("/") + 1))
        assert.lengthOf(new Set(names), 2)
        const kept = ["parley-20200102T000000Z.dump", ...names]
        assert.sameMembers(yield* listed(dataDir), [...kept, ...kept.map(Files.checksumOf), ...foreign])
      })
    )

    for (const how of ["SIGKILL", "SIGTERM"] as const)
      it.effect(`that is ended half-way by ${how} leaves nothing that passes for one`, () =>
        Effect.gen(function* () {
          const { url } = yield* OwnPostgres
          const dataDir = yield* folder
          const env = {
            APP_ENV: "test",
            POSTGRES_URL: Redacted.value(url),
            DATA_DIR: dataDir,
            PATH: process.env["PATH"] ?? ""
          }
          yield* ask(url, (sql) =>
            sql.withTransaction(
              Effect.gen(function* () {
                yield* sql`LOCK TABLE users`
                const { handle } = yield* startLogged("src/Sql/backups.ts", { args: ["create"], env })
                // By another connection: within a transaction the answer would stay the same.
                const [{ pid } = { pid: 0 }] = yield* ask(url, (other) =>
                  Effect.repeat(
                    other<{ readonly pid: number }>`
                      SELECT pid FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'`,
                    { until: (rows) => rows.length > 0, schedule: Schedule.spaced(10) }
                  )
                )
                assert.match((yield* listed(dataDir)).join(), /^parley-\d{8}T\d{6}Z\.dump\.partial$/u)
                yield* Effect.sync(() => process.kill(handle.pid, how))
                yield* Effect.exit(handle.exitCode)
                if (how === "SIGKILL") yield* sql`SELECT pg_terminate_backend(${pid})`
                else assert.isEmpty(yield* listed(dataDir))
              }).pipe(Effect.scoped)
            )
          )
          assert.isEmpty((yield* listed(dataDir)).filter((name) => name.endsWith(".dump")))
          const { file } = yield* backedUp(url, dataDir)
          yield* Files.verify(file)
        })
      )
  }
)
