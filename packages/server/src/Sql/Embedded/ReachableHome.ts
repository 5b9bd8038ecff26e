import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { type EmbeddedPostgresError, attempt, failure } from "./EmbeddedPostgresError.ts"
import { paths } from "./KeeperProtocol.ts"
import { tryHold } from "./Lock.ts"
import { type RunAs, canEnter } from "./RunAs.ts"

/**
 * Only for root: places which another user can reach, for what that user must reach and the project's own folder
 * hides from it. A home there is `<base>/data-<random>/`, with its owner in `project.json` and PostgreSQL's files in
 * `cluster/`.
 */
const bases = ["/var/lib/parley", "/var/tmp/parley"]

export const contains = (path: string): boolean => bases.some((base) => path.startsWith(`${base}/`))

/** Under /var/tmp anybody could have made the folder before us. */
const isOurs = async (path: string): Promise<boolean> => {
  const found = await lstat(path)
  return found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0
}

const makeBase = async (path: string): Promise<boolean> => {
  const made = await mkdir(path).then(
    () => true,
    () => false
  )
  if (made) await chmod(path, 0o755)
  return isOurs(path)
}

export const base = Effect.fnUntraced(function* (
  user: NonNullable<RunAs>
): Effect.fn.Return<string, EmbeddedPostgresError> {
  for (const path of bases) {
    const usable = yield* attempt("no such place", () => makeBase(path)).pipe(Effect.orElseSucceed(() => false))
    if (usable && (yield* canEnter(user, path))) return path
  }
  return yield* failure(
    `PostgreSQL does not run as root, and ${user.name}, who would run it, can reach neither this project nor ${bases.join(" nor ")}`
  )
})

/** Whose home it is. */
const Project = Schema.fromJsonString(Schema.Struct({ dataDir: Schema.String, durable: Schema.Boolean }))
type Project = typeof Project.Type

const projectOf = (home: string) =>
  attempt("not a home of ours", () => readFile(join(home, "project.json"), "utf8")).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Project)),
    Effect.option
  )

const mark = (home: string, project: Project) =>
  attempt(`cannot write to ${home}`, () => writeFile(join(home, "project.json"), Schema.encodeSync(Project)(project)))

/** Whether its data directory still leads to this home. */
const isLedTo = (home: string, { dataDir }: Project) =>
  Effect.option(attempt("gone", () => realpath(paths(dataDir).cluster))).pipe(
    Effect.map(Option.contains(join(home, "cluster")))
  )

const isInUse = (dataDir: string) =>
  attempt("gone", () => stat(paths(dataDir).keeperLock)).pipe(
    Effect.andThen(tryHold(paths(dataDir).keeperLock)),
    Effect.match({ onFailure: () => false, onSuccess: (isFree) => !isFree }),
    Effect.scoped
  )

/**
 * Nothing leads to it any more, and it was this data directory's (`rm -rf .data` gave it up), or held data of tests
 * that do not run any more. Data of another project are never abandoned: its disk may just not be mounted.
 */
const isAbandoned = Effect.fnUntraced(function* (home: string, project: Project) {
  const owner = yield* projectOf(home)
  if (Option.isNone(owner) || (yield* isLedTo(home, owner.value))) return false
  const { dataDir, durable } = owner.value
  return dataDir === project.dataDir || (!durable && !(yield* isInUse(dataDir)))
})

/** A new, empty home. */
export const make = Effect.fnUntraced(function* (user: NonNullable<RunAs>, project: Project) {
  const parent = yield* base(user)
  const names = yield* attempt(`cannot list ${parent}`, () => readdir(parent))
  for (const home of names.map((name) => join(parent, name))) {
    if (!(yield* isAbandoned(home, project))) continue
    yield* Effect.ignore(attempt("busy", () => rm(home, { recursive: true, force: true, maxRetries: 3 })))
  }
  const home = yield* attempt(`cannot make a folder in ${parent}`, () => mkdtemp(join(parent, "data-")))
  yield* attempt(`cannot open ${home} to ${user.name}`, () => chmod(home, 0o711))
  yield* mark(home, project)
  return home
})

/**
 * Whether a cluster to which `<dataDir>/cluster` leads is this data directory's own. It is not when the project was
 * copied: two projects must not share one database because of a copied symlink. When the project was moved, it is.
 */
export const belongs = Effect.fnUntraced(function* (
  cluster: string,
  dataDir: string
): Effect.fn.Return<boolean, EmbeddedPostgresError> {
  const home = dirname(cluster)
  const project = yield* projectOf(home)
  if (Option.isNone(project) || project.value.dataDir === dataDir) return true
  if (yield* isLedTo(home, project.value)) return false
  yield* mark(home, { ...project.value, dataDir })
  return true
})
