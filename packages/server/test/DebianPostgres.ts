/** A PostgreSQL of the version that pg_dump here is of: where Debian keeps it, or beside pg_dump on PATH. */
import { Effect } from "effect"
import { existsSync, readdirSync, realpathSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { OwnPostgres } from "./OwnPostgres.ts"

const debian = "/usr/lib/postgresql"

const folders = () => {
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "pg_dump"))
    .flatMap((file) => (existsSync(file) ? [dirname(realpathSync(file))] : []))
  // Debian's own pg_dump is a script that takes the newest of these.
  return [...versions.map((version) => join(debian, version, "bin")), ...onPath]
}

export const DebianPostgres = OwnPostgres.layerOf(
  () =>
    Effect.suspend(() => {
      const folder = folders().find((folder) => existsSync(join(folder, "postgres")))
      if (folder === undefined) return Effect.die("There is no `postgres` of the version of pg_dump: install both")
      return Effect.succeed({ initdb: join(folder, "initdb"), postgres: join(folder, "postgres") })
    }),
  ["--locale=C"]
)
