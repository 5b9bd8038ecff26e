/** Where backups are, and by what a file is known to be one. Beside each is its SHA-256, as `sha256sum` writes it. */
import { Cause, DateTime, Effect, FileSystem, Option, type PlatformError, Schedule, Schema, Stream } from "effect"
import { createHash } from "node:crypto"
import { dirname } from "node:path"
import { settings } from "../settings.ts"

export class NotABackup extends Schema.TaggedError<NotABackup>()("NotABackup", {
  file: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return `${this.file} is not restored: ${this.why}.`
  }
}

export const directory = Effect.map(settings.dataDir.config, (dataDir) => `${dataDir}/backups`)

const name = /^parley-\d{8}T\d{6}Z\.dump$/u
const partial = /^parley-\d{8}T\d{6}Z\.dump\.partial$/u
const checksum = /^(parley-\d{8}T\d{6}Z\.dump)\.sha256$/u

export const checksumOf = (file: string) => `${file}.sha256`

/** Of any size. */
export const sha256 = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const hash = createHash("sha256")
  yield* Stream.runForEach(fs.stream(path), (chunk) => Effect.sync(() => hash.update(chunk)))
  return hash.digest("hex")
})

/** Fails unless the file is what its checksum says. */
export const verify = Effect.fn("Backups.verify")(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(file))) return yield* new NotABackup({ file, why: "there is no such file" })
  const beside = checksumOf(file)
  if (!(yield* fs.exists(beside)))
    return yield* new NotABackup({ file, why: `there is no checksum beside it (${beside})` })
  const [, expected] = /^([\da-f]{64})\b/u.exec(yield* fs.readFileString(beside)) ?? []
  if (expected === undefined) return yield* new NotABackup({ file, why: `${beside} has no checksum in it` })
  if ((yield* sha256(file)) !== expected)
    return yield* new NotABackup({ file, why: `its checksum is not that of ${beside}: it is broken or was changed` })
})

export class NowhereToKeep extends Schema.TaggedError<NowhereToKeep>()("NowhereToKeep", {
  folder: Schema.String,
  why: Schema.String
}) {
  override get message(): string {
    return `Backups cannot be kept in ${this.folder}: ${this.why}. DATA_DIR names another place.`
  }
}

/**
 * With those above it, one after the other: Node's own recursion tries for ever where nothing can be made in a folder that
 * is there, such as /proc.
 */
const makeFolder = (path: string): Effect.Effect<void, PlatformError.PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (yield* fs.exists(path)) return
    yield* makeFolder(dirname(path))
    yield* Effect.catchIf(
      fs.makeDirectory(path, { mode: 0o700 }),
      ({ reason }) => reason._tag === "AlreadyExists",
      () => Effect.void
    )
  })

/**
 * A file that nobody else writes to, and which is no backup yet: by its name, which has a second in it. Who comes second
 * in a second waits for the next one.
 */
export const claim = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const attempt = Effect.gen(function* () {
    const stamp = DateTime.formatIso(yield* DateTime.now).replaceAll(/[-:]|\.\d+/gu, "")
    const file = `${folder}/parley-${stamp}.dump`
    const path = `${file}.partial`
    const opened = yield* Effect.isSuccess(fs.writeFileString(path, "", { flag: "wx", mode: 0o600 }))
    if (opened && !(yield* fs.exists(file))) return Option.some({ file, path })
    if (opened) yield* fs.remove(path)
    return Option.none<{ readonly file: string; readonly path: string }>()
  })
  // That it cannot be written at all is found out here, and told.
  yield* Effect.mapError(
    Effect.andThen(makeFolder(folder), fs.access(folder, { writable: true })),
    ({ message }) => new NowhereToKeep({ folder, why: message })
  )
  return yield* Effect.flatMap(attempt, Effect.fromOption).pipe(
    Effect.retry({ while: Cause.isNoSuchElementError, schedule: Schedule.spaced("200 millis") })
  )
})

/** After which what is half done was left by somebody who was killed. */
const abandonedMillis = 24 * 60 * 60_000

/** Removes all but the newest `keep`, and what others left half done; gives how many backups are left and were removed. */
export const retain = Effect.fn("Backups.retain")(function* (folder: string, keep: number) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* fs.readDirectory(folder)
  const newestFirst = files.filter((file) => name.test(file)).toSorted((a, b) => b.localeCompare(a))
  const tooMany = newestFirst.slice(keep)
  for (const file of tooMany) {
    yield* fs.remove(`${folder}/${file}`, { force: true })
    yield* fs.remove(checksumOf(`${folder}/${file}`), { force: true })
  }
  const backups = new Set(newestFirst)
  const now = DateTime.toEpochMillis(yield* DateTime.now)
  for (const file of files) {
    const of = checksum.exec(file)?.[1]
    if (!partial.test(file) && (of === undefined || backups.has(of))) continue
    const { mtime } = yield* fs.stat(`${folder}/${file}`)
    const isAbandoned = Option.exists(mtime, (at) => now - at.getTime() > abandonedMillis)
    if (isAbandoned) yield* fs.remove(`${folder}/${file}`, { force: true })
  }
  return { kept: newestFirst.length - tooMany.length, removed: tooMany.length }
})
