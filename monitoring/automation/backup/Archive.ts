/** A tar.gz with a manifest in it and the sum of it beside it: written whole or not at all, and read with suspicion. */
import { DateTime, Effect, FileSystem, Schema } from "effect"
import * as tar from "tar"
import * as Manifest from "./Manifest.ts"

/** What the archive is not. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export const manifestName = "MANIFEST.sha256"
export const sumOf = (archive: string) => `${archive}.sha256`

const baseOf = (path: string) => path.slice(path.lastIndexOf("/") + 1)

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Far above what there is; what is larger was not made here. */
const limits = { entries: 2000, bytes: 100_000_000 }

/** Those that stay in the folder they are unpacked into. */
const isSafe = (name: string) =>
  name !== "" &&
  !name.startsWith("/") &&
  !/[\\\p{Cc}]/u.test(name) &&
  !/^[a-z]:/iu.test(name) &&
  name.split("/").every((part) => part !== "" && part !== "." && part !== "..")

/** Writes all files into an archive that nobody takes for a backup yet. */
export const write = Effect.fn("Archive.write")(function* (files: ReadonlyMap<string, string>, path: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-backup-" })
  const sums = new Map([...files].map(([name, content]) => [name, Manifest.sha256(content)]))
  const all = new Map([[manifestName, Manifest.print(sums)], ...files])
  for (const [name, content] of all) {
    const whole = `${folder}/${name}`
    yield* fs.makeDirectory(whole.slice(0, whole.lastIndexOf("/")), { recursive: true, mode: 0o700 })
    yield* fs.writeFileString(whole, content, { mode: 0o600 })
  }
  const mtime = DateTime.toDate(yield* DateTime.now)
  yield* Effect.tryPromise({
    try: () => tar.create({ cwd: folder, file: path, gzip: true, portable: true, mtime, mode: 0o600 }, [...all.keys()]),
    catch: (cause) => new Broken({ reason: `cannot be written: ${reasonOf(cause)}` })
  })
  yield* fs.chmod(path, 0o600)
  // On the disk, and not only in memory, before it is called a backup.
  yield* Effect.scoped(Effect.flatMap(fs.open(path, { flag: "r+" }), ({ sync }) => sync))
  return Manifest.sha256(yield* fs.readFile(path))
}, Effect.scoped)

/** Looks at every name before anything is written anywhere. */
const inspect = (path: string) =>
  Effect.tryPromise({
    try: async () => {
      const names = new Set<string>()
      let bytes = 0
      const problems: Array<string> = []
      await tar.list({
        file: path,
        strict: true,
        onReadEntry: ({ path: name, size, type }) => {
          bytes += size
          if (names.has(name)) problems.push(`${name} is in it twice`)
          if (type !== "File" && type !== "OldFile") problems.push(`${name} is no file but a ${type}`)
          if (!isSafe(name)) problems.push(`${name} would leave its folder`)
          names.add(name)
        }
      })
      if (names.size > limits.entries || bytes > limits.bytes) problems.push("has too much in it")
      return { names, problems }
    },
    catch: (cause) => new Broken({ reason: `cannot be read: ${reasonOf(cause)}` })
  })

/** The files of an archive that is what it was: unpacked into a folder that is gone afterwards, and compared with the manifest. */
export const restore = Effect.fn("Archive.restore")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const { names, problems } = yield* inspect(path)
  if (problems.length > 0) return yield* new Broken({ reason: problems.join("; ") })
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "parley-restore-" })
  yield* Effect.tryPromise({
    try: () => tar.extract({ cwd: folder, file: path, strict: true, preserveOwner: false }),
    catch: (cause) => new Broken({ reason: `cannot be unpacked: ${reasonOf(cause)}` })
  })
  if (!names.has(manifestName)) return yield* new Broken({ reason: "has no manifest in it" })
  const manifest = Manifest.parse(yield* fs.readFileString(`${folder}/${manifestName}`))
  if (manifest === undefined) return yield* new Broken({ reason: "has a manifest that is none" })

  const files = new Map<string, string>()
  const wrong: Array<string> = []
  for (const name of names) {
    if (name === manifestName) continue
    const content = yield* fs.readFile(`${folder}/${name}`)
    const sum = manifest.get(name)
    if (sum === undefined) wrong.push(`${name} is not in the manifest`)
    else if (sum !== Manifest.sha256(content)) wrong.push(`${name} is not what the manifest says`)
    files.set(name, new TextDecoder().decode(content))
  }
  for (const name of manifest.keys()) if (!names.has(name)) wrong.push(`${name} is missing`)
  if (wrong.length > 0) return yield* new Broken({ reason: wrong.join("; ") })
  return files
}, Effect.scoped)

/** The same, and the sum beside it. */
export const verify = Effect.fn("Archive.verify")(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const beside = sumOf(path)
  const type = yield* fs.stat(path).pipe(
    Effect.map(({ type }) => type),
    Effect.orElseSucceed(() => undefined)
  )
  if (type === undefined) return yield* new Broken({ reason: "there is no such file" })
  if (type !== "File") return yield* new Broken({ reason: "it is no file" })
  if (!(yield* fs.exists(beside))) return yield* new Broken({ reason: `has no ${baseOf(beside)} beside it` })
  const sum = Manifest.parse(yield* fs.readFileString(beside))?.get(baseOf(path))
  if (sum === undefined) return yield* new Broken({ reason: `${baseOf(beside)} does not name it` })
  if (sum !== Manifest.sha256(yield* fs.readFile(path))) {
    return yield* new Broken({ reason: `is not what ${baseOf(beside)} says: it was changed or cut off` })
  }
  return yield* restore(path)
})
