/** A backup of the whole database, as pg_dump makes it: of one moment, while servers go on. */
import { Effect, FileSystem } from "effect"
import { SqlClient } from "effect/sql"
import * as Database from "../Database.ts"
import * as Files from "./Files.ts"
import * as PgTools from "./PgTools.ts"

/** Such as 18. */
export const databaseVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ readonly version: number }>`
    SELECT current_setting('server_version_num')::int / 10000 AS version`
  return row?.version ?? 0
}).pipe(Effect.orDie)

/** What it took so far, for who waits. */
const progress = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* Effect.sleep("10 seconds")
    const { size } = yield* fs.stat(path)
    yield* Effect.logInfo(`Still backing up: ${sizeOf(size)} so far`)
  }).pipe(Effect.forever, Effect.ignore)

const sizeOf = (bytes: bigint): string =>
  bytes < 1_000_000n ? `${(Number(bytes) / 1e3).toFixed(1)} kB` : `${(Number(bytes) / 1e6).toFixed(1)} MB`

/** Makes one under DATA_DIR/backups and keeps the newest `keep`; gives the file. */
export const create = Effect.fn("Backups.create")(function* (keep: number) {
  const fs = yield* FileSystem.FileSystem
  const address = yield* Database.directUrl
  const version = yield* Effect.provide(databaseVersion, Database.layerDirect(address, "parley-backup"))
  yield* PgTools.check(["pg_dump", "pg_restore"], version)
  const folder = yield* Files.directory
  const { file, path } = yield* Effect.acquireRelease(Files.claim(folder), ({ path }) =>
    Effect.ignore(fs.remove(path, { force: true }))
  )
  yield* Effect.logInfo(`Backing up ${Database.place(address)}`)
  const { args, env } = PgTools.connection(address)
  yield* Effect.forkScoped(progress(path))
  yield* PgTools.run("pg_dump", ["--format=custom", `--file=${path}`, ...args], { env })
  // That it can be read to its end is worth knowing today.
  yield* PgTools.run("pg_restore", ["--list", path])
  const { size } = yield* fs.stat(path)
  const name = file.slice(file.lastIndexOf("/") + 1)
  yield* fs.writeFileString(Files.checksumOf(file), `${yield* Files.sha256(path)}  ${name}\n`, { mode: 0o600 })
  // Only now it is a backup, by its name, and all of it.
  yield* fs.rename(path, file)
  const { kept, removed } = yield* Files.retain(folder, keep)
  return { file, size: sizeOf(size), kept, removed }
}, Effect.scoped)
