import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { randomBytes } from "node:crypto"
import {
  chmod,
  chown,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile
} from "node:fs/promises"
import { dirname, join } from "node:path"
import type { Binaries } from "./Binaries.ts"
import { type EmbeddedPostgresError, attempt, failure } from "./EmbeddedPostgresError.ts"
import { paths } from "./KeeperProtocol.ts"
import * as ReachableHome from "./ReachableHome.ts"
import { type RunAs, canEnter, run } from "./RunAs.ts"

/** PostgreSQL's own data directory, where it really is, and the password of the user `parley`. */
export interface Cluster {
  readonly path: string
  readonly password: string
}

export interface Options {
  readonly dataDir: string
  readonly durable: boolean
  readonly user: RunAs
  readonly binaries: Binaries
  /** For an initdb that has no builtin locale, as those before PostgreSQL 17. */
  readonly locale?: ReadonlyArray<string>
}

/** Lies in the cluster, so that data and password appear, move and go together. PostgreSQL ignores it. */
const secretFile = "parley.json"
const Secret = Schema.fromJsonString(Schema.Struct({ password: Schema.String }))
const encodeSecret = Schema.encodeSync(Secret)

/** The cluster of `<dataDir>/cluster`, made when there is none. Only for the holder of the keeper's lock. */
export const open = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Cluster, EmbeddedPostgresError> {
  const path = yield* existing(options).pipe(
    Effect.flatMap(Option.match({ onNone: () => create(options), onSome: Effect.succeed }))
  )
  const { user } = options
  if (user !== undefined && !(yield* canEnter(user, path))) {
    return yield* failure(
      `PostgreSQL does not run as root, and ${user.name}, who runs it, can no longer enter ${path}: chmod o+x the folders above`
    )
  }
  const { password } = yield* attempt(`cannot read the password of ${path}`, () =>
    readFile(join(path, secretFile), "utf8")
  ).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Secret)),
    Effect.mapError((cause) => failure(cause.message))
  )
  return { path, password }
})

const existing = Effect.fnUntraced(function* ({ dataDir }: Options) {
  const link = paths(dataDir).cluster
  const path = yield* Effect.option(attempt("no cluster", () => realpath(link)))
  if (Option.isSome(path) && (yield* ReachableHome.belongs(path.value, dataDir))) return path
  const target = yield* Effect.option(attempt("no link", () => readlink(link)))
  if (Option.isSome(target)) {
    if (!ReachableHome.contains(target.value))
      return yield* failure(`${link} leads to ${target.value}, which is not there`)
    // A link of ours, whose home is gone (a new container, say) or belongs to the project this one was copied from.
    yield* attempt(`cannot remove ${link}`, () => unlink(link))
  }
  return Option.none<string>()
})

/**
 * initdb works in a folder beside the final place, and the finished cluster is renamed: whatever kills it, there is
 * all of it or nothing.
 */
const create = Effect.fnUntraced(function* (options: Options) {
  const { dataDir, durable, user } = options
  yield* removeUnfinished(dataDir)
  const workshop = yield* openWorkshop(dataDir, user).pipe(
    Effect.catch((cause) =>
      user === undefined
        ? Effect.fail(cause)
        : Effect.flatMap(ReachableHome.make(user, { dataDir, durable }), (home) => openWorkshop(home, user))
    )
  )
  const path = join(dirname(workshop), "cluster")
  yield* initialize(options, workshop).pipe(
    Effect.flatMap((fresh) => attempt(`cannot rename ${fresh} to ${path}`, () => rename(fresh, path))),
    Effect.ensuring(remove(workshop))
  )
  const link = paths(dataDir).cluster
  if (path !== link) yield* attempt(`cannot link ${link} to ${path}`, () => symlink(path, link))
  return path
})

// The builtin locale is the same on every machine, whatever locales it has installed.
const builtin = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]

const initialize = Effect.fnUntraced(function* (options: Options, workshop: string) {
  const { binaries, durable, user } = options
  const fresh = join(workshop, "cluster")
  const password = randomBytes(24).toString("base64url")
  const passwordFile = yield* writeFor(user, join(workshop, "password"), password)
  const locale = ["--encoding=UTF8", ...(options.locale ?? builtin)]
  const access = ["--username=parley", "--auth=scram-sha-256", `--pwfile=${passwordFile}`]
  yield* run(
    binaries.initdb,
    [`--pgdata=${fresh}`, "--no-instructions", ...locale, ...access, ...(durable ? [] : ["--no-sync"])],
    { user }
  )
  // Single-user mode: the database is there before there is a server in which it could be missing.
  const single = ["--single", "-D", fresh, ...(durable ? [] : ["-F"]), "postgres"]
  const output = yield* run(binaries.postgres, single, { user, input: "CREATE DATABASE parley\n" })
  if (/\b(ERROR|FATAL|PANIC):/.test(output)) return yield* failure(`cannot create the database parley\n${output}`)
  yield* writeFor(user, join(fresh, secretFile), encodeSecret({ password }))
  return fresh
})

const workshopPrefix = "unfinished-"

const removeUnfinished = Effect.fnUntraced(function* (dataDir: string) {
  const names = yield* attempt(`cannot list ${dataDir}`, () => readdir(dataDir))
  yield* Effect.forEach(
    names.filter((name) => name.startsWith(workshopPrefix)),
    (name) => remove(join(dataDir, name))
  )
})

/** An initdb whose keeper was killed may still be writing there; then it goes the next time. */
const remove = (folder: string) =>
  Effect.ignore(attempt("busy", () => rm(folder, { recursive: true, force: true, maxRetries: 3 })))

/** A private folder in `parent` which `user` owns and can really reach and write. */
const openWorkshop = Effect.fnUntraced(function* (parent: string, user: RunAs) {
  const workshop = yield* attempt(`cannot write to ${parent}`, () => mkdtemp(join(parent, workshopPrefix)))
  if (user === undefined) return workshop
  const giveAway = attempt(`cannot give ${workshop} to ${user.name}`, async () => {
    // Lets others through the data directory (mkdtemp makes it private), not look into it.
    await chmod(parent, (await stat(parent)).mode | 0o001)
    await chown(workshop, user.uid, user.gid)
  })
  const write = run("/bin/sh", ["-c", 'cd "$0" && : > probe && rm probe', workshop], { user })
  yield* Effect.andThen(giveAway, write).pipe(Effect.tapError(() => remove(workshop)))
  return workshop
})

const writeFor = (user: RunAs, path: string, text: string) =>
  attempt(`cannot write ${path}`, async () => {
    await writeFile(path, text, { mode: 0o600 })
    if (user !== undefined) await chown(path, user.uid, user.gid)
    return path
  })
