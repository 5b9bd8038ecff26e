/** The folder of backups: what is one, by its name, which is the last, and which may go. */
import { Clock, DateTime, Duration, Effect, FileSystem, Option, Random } from "effect"
import { listed, makeFolder } from "../../stack/folder.ts"
import * as Archive from "./Archive.ts"
import * as Manifest from "./Manifest.ts"

/** In the order of time, and never the same for two at once. */
const pattern = /^parley-monitoring-(\d{4})(\d{2})(\d{2})T\d{9}Z-[0-9a-f]{6}\.tar\.gz$/u

const partial = ".partial"

const name = Effect.gen(function* () {
  const now = DateTime.formatIso(yield* DateTime.now).replaceAll(/[-:.]/gu, "")
  const random = yield* Random.nextIntBetween(0, 0x100_0000)
  return `parley-monitoring-${now}-${random.toString(16).padStart(6, "0")}.tar.gz`
})

const names = (folder: string) => Effect.map(listed(folder), (all) => all.toSorted())

/** Oldest first. */
export const archives = (folder: string) => Effect.map(names(folder), (all) => all.filter((one) => pattern.test(one)))

/** The last one, or the last of a day. */
export const latest = Effect.fnUntraced(function* (folder: string, day: Option.Option<string>) {
  const isOf = (archive: string) =>
    Option.match(day, {
      onNone: () => true,
      onSome: (wanted) => archive.replace(pattern, "$1-$2-$3") === wanted
    })
  return Option.map(Option.fromNullishOr((yield* archives(folder)).findLast(isOf)), (found) => `${folder}/${found}`)
})

/**
 * Writes it under another name, reads it again, and only then gives it its own, which is one step for the file system: who
 * is killed half-way leaves no half backup. The sum comes first, as a backup without one is none.
 */
export const add = Effect.fn("Folder.add")(function* (folder: string, files: ReadonlyMap<string, string>) {
  const fs = yield* FileSystem.FileSystem
  yield* makeFolder(folder)
  const archive = yield* name
  const path = `${folder}/${archive}`
  const [written, beside] = [`${path}${partial}`, `${Archive.sumOf(path)}${partial}`]
  const cleaned = Effect.forEach([written, beside], (one) => Effect.ignore(fs.remove(one, { force: true })))
  return yield* Effect.gen(function* () {
    const sum = yield* Archive.write(files, written)
    yield* Archive.restore(written)
    yield* fs.writeFileString(beside, Manifest.print(new Map([[archive, sum]])), { mode: 0o600 })
    yield* fs.rename(beside, Archive.sumOf(path))
    yield* fs.rename(written, path)
    return { path, sum, bytes: Number((yield* fs.stat(path)).size) }
  }).pipe(Effect.ensuring(cleaned))
})

/** Nobody writes at one for that long. */
const abandonedAfter = Duration.hours(1)

/** What may go: backups but the last ones, with their sums, and what was left by who was killed. */
export const outdated = Effect.fnUntraced(function* (folder: string, keep: number) {
  const fs = yield* FileSystem.FileSystem
  const all = yield* names(folder)
  const kept = all.filter((one) => pattern.test(one))
  const old = kept.slice(0, Math.max(0, kept.length - keep))
  const now = yield* Clock.currentTimeMillis
  const isAbandoned = Effect.fnUntraced(function* (one: string) {
    const { mtime } = yield* fs.stat(`${folder}/${one}`)
    return Option.exists(mtime, (at) => now - at.getTime() > Duration.toMillis(abandonedAfter))
  })
  const whole = (one: string) => one.replace(/\.partial$/u, "").replace(/\.sha256$/u, "")
  const rests = all.filter(
    (one) => whole(one) !== one && pattern.test(whole(one)) && !kept.includes(one.replace(/\.sha256$/u, ""))
  )
  return [...old, ...(yield* Effect.filter(rests, (one) => Effect.orElseSucceed(isAbandoned(one), () => false)))]
})

/** The backup first: without it its sum is nothing, the other way round it would be a broken backup. */
export const remove = Effect.fnUntraced(function* (folder: string, outdated: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  for (const one of outdated) {
    yield* fs.remove(`${folder}/${one}`, { force: true })
    if (pattern.test(one)) yield* fs.remove(Archive.sumOf(`${folder}/${one}`), { force: true })
  }
})
