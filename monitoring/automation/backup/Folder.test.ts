/** Backups that are whole, and all the ways in which they are not. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, FileSystem, Option } from "effect"
import { gunzipSync, gzipSync } from "node:zlib"
import * as tar from "tar"
import * as Archive from "./Archive.ts"
import * as Folder from "./Folder.ts"
import * as Manifest from "./Manifest.ts"

const files = new Map([
  ["repository/rules/cost.yml", "groups: []\n"],
  ["repository/dashboards/ünï.json", `${JSON.stringify({ title: "Überblick" })}\n`],
  ["running/alertmanager.yml", "receivers: []\n".repeat(500)]
])

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "parley-backups-" })
)

/** Says beside it that it is what it is, as somebody would who knows how it is made. */
const seal = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const name = path.slice(path.lastIndexOf("/") + 1)
  yield* fs.writeFileString(
    Archive.sumOf(path),
    Manifest.print(new Map([[name, Manifest.sha256(yield* fs.readFile(path))]]))
  )
})

/** One entry of a tar, by hand: the library would not write all of these. */
const entry = (name: string, content: string, type: "File" | "SymbolicLink" = "File") => {
  const header = new tar.Header({ path: name, size: Buffer.byteLength(content), type, mode: 0o600, mtime: new Date(0) })
  if (type === "SymbolicLink") Object.assign(header, { size: 0, linkpath: content })
  const block = Buffer.alloc(512)
  header.encode(block)
  if (type === "SymbolicLink") return block
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512)
  body.write(content)
  return Buffer.concat([block, body])
}

const good = [...files].filter(([name]) => name.startsWith("r"))
const manifest = (more: ReadonlyArray<readonly [string, string]> = []) =>
  Manifest.print(new Map([...good, ...more].map(([name, content]) => [name, Manifest.sha256(content)])))
const archiveOf = (...entries: ReadonlyArray<Buffer>) => gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]))
const contents = good.map(([name, content]) => entry(name, content))

/** What becomes of the bytes of an archive, and what is said of it then; `sealed` has the right sum beside it. */
const breakages: ReadonlyArray<{
  readonly title: string
  readonly bytes: (bytes: Buffer) => Buffer
  readonly sealed: boolean
  readonly why: RegExp
}> = [
  {
    title: "a flipped bit",
    bytes: (bytes) => Buffer.from(bytes.map((byte, index) => (index === 400 ? byte ^ 1 : byte))),
    sealed: false,
    why: /was changed or cut off/u
  },
  {
    title: "a flipped bit, with a sum to it",
    bytes: (bytes) => Buffer.from(bytes.map((byte, index) => (index === 400 ? byte ^ 1 : byte))),
    sealed: true,
    why: /cannot be read/u
  },
  { title: "its end cut off", bytes: (bytes) => bytes.subarray(0, -40), sealed: true, why: /cannot be read/u },
  { title: "half of it", bytes: (bytes) => bytes.subarray(0, bytes.length / 2), sealed: true, why: /cannot be read/u },
  {
    title: "the tar in it cut off",
    bytes: (bytes) => gzipSync(gunzipSync(bytes).subarray(0, 1700)),
    sealed: true,
    why: /cannot be read|is missing/u
  },
  { title: "nothing in it", bytes: () => Buffer.alloc(0), sealed: true, why: /cannot be read|no manifest/u },
  { title: "no archive at all", bytes: () => Buffer.from("hello\n".repeat(200)), sealed: true, why: /cannot be read/u },
  {
    title: "a file gone",
    bytes: () => archiveOf(entry(Archive.manifestName, manifest()), ...contents.slice(1)),
    sealed: true,
    why: /repository\/rules\/cost\.yml is missing/u
  },
  {
    title: "one file too many",
    bytes: () => archiveOf(entry(Archive.manifestName, manifest()), ...contents, entry("extra.yml", "x: 1\n")),
    sealed: true,
    why: /extra\.yml is not in the manifest/u
  },
  {
    title: "a file changed",
    bytes: () =>
      archiveOf(
        entry(Archive.manifestName, manifest()),
        ...contents.slice(1),
        entry("repository/rules/cost.yml", "groups: {}\n")
      ),
    sealed: true,
    why: /cost\.yml is not what the manifest says/u
  },
  {
    title: "its manifest edited",
    bytes: () => archiveOf(entry(Archive.manifestName, manifest().replace(/^./u, "g")), ...contents),
    sealed: true,
    why: /a manifest that is none/u
  },
  { title: "no manifest", bytes: () => archiveOf(...contents), sealed: true, why: /no manifest/u },
  {
    title: "a file twice",
    bytes: () => archiveOf(entry(Archive.manifestName, manifest()), ...contents, ...contents.slice(0, 1)),
    sealed: true,
    why: /is in it twice/u
  },
  ...["../outside.yml", "repository/../../outside.yml", "/tmp/outside.yml", "a\\..\\outside.yml", "./outside.yml"].map(
    (name) => ({
      title: `a file called ${name}`,
      bytes: () =>
        archiveOf(entry(Archive.manifestName, manifest([[name, "x: 1\n"]])), ...contents, entry(name, "x: 1\n")),
      sealed: true,
      why: /would leave its folder/u
    })
  ),
  {
    title: "a link to somewhere else",
    bytes: () => archiveOf(entry(Archive.manifestName, manifest()), ...contents, entry("link", "/etc", "SymbolicLink")),
    sealed: true,
    why: /link is no file but a SymbolicLink/u
  }
]

layer(NodeServices.layer, { excludeTestServices: true })("a backup", (it) => {
  it.effect("has in it what was put into it, and nobody else may read it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { path } = yield* Folder.add(`${yield* temporary}/new/folder`, files)
      assert.deepStrictEqual(yield* Archive.verify(path), files)
      for (const one of [path, Archive.sumOf(path)]) assert.strictEqual((yield* fs.stat(one)).mode & 0o077, 0, one)
    })
  )

  it.effect("made by hand for these tests is one, too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* temporary}/backup.tar.gz`
      yield* fs.writeFile(path, archiveOf(entry(Archive.manifestName, manifest()), ...contents))
      yield* seal(path)
      assert.deepStrictEqual(yield* Archive.verify(path), new Map(good))
    })
  )

  for (const { bytes, sealed, title, why } of breakages) {
    it.effect(`is none with ${title}`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { path } = yield* Folder.add(yield* temporary, files)
        yield* fs.writeFile(path, bytes(Buffer.from(yield* fs.readFile(path))))
        if (sealed) yield* seal(path)
        assert.match((yield* Effect.flip(Archive.verify(path))).message, why)
      })
    )
  }

  it.effect("is none without its sum, and not with that of another", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const [one, other] = [yield* Folder.add(folder, files), yield* Folder.add(folder, new Map([["a", "b"]]))]
      yield* fs.copyFile(Archive.sumOf(other.path), Archive.sumOf(one.path))
      assert.match((yield* Effect.flip(Archive.verify(one.path))).message, /does not name it/u)
      yield* fs.remove(Archive.sumOf(one.path))
      assert.match((yield* Effect.flip(Archive.verify(one.path))).message, /has no .+\.sha256 beside it/u)
    })
  )

  it.effect("is whole or not there, whenever its maker is stopped", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      for (const millis of [0, 1, 2, 4, 8, 12, 16, 24, 32]) {
        yield* Effect.timeoutOption(Folder.add(folder, files), millis)
        const archives = yield* Folder.archives(folder)
        yield* Effect.forEach(archives, (archive) => Archive.verify(`${folder}/${archive}`))
      }
    })
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("the folder of backups", (it) => {
  it.effect("takes several at the same time", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const made = yield* Effect.forEach([1, 2, 3, 4], () => Folder.add(folder, files), { concurrency: 4 })
      const archives = yield* Folder.archives(folder)
      assert.strictEqual(new Set(made.map(({ path }) => path)).size, 4)
      assert.lengthOf(archives, 4)
      yield* Effect.forEach(archives, (archive) => Archive.verify(`${folder}/${archive}`))
    })
  )

  it.effect("keeps the last ones, and nothing that others have put there goes", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* temporary
      const name = (day: number) => `parley-monitoring-202601${String(day).padStart(2, "0")}T000000000Z-abcdef.tar.gz`
      for (const day of [3, 1, 2]) {
        yield* fs.writeFileString(`${folder}/${name(day)}`, "")
        yield* fs.writeFileString(Archive.sumOf(`${folder}/${name(day)}`), "")
      }
      yield* fs.writeFileString(`${folder}/notes.txt`, "")
      yield* fs.writeFileString(`${folder}/${name(9)}.partial`, "half of")
      const long = DateTime.toDate(DateTime.subtract(yield* DateTime.now, { hours: 2 }))
      yield* fs.writeFileString(`${folder}/${name(8)}.partial`, "half of")
      yield* fs.utimes(`${folder}/${name(8)}.partial`, long, long)

      // What is half there is not the last one.
      assert.deepStrictEqual(yield* Folder.latest(folder, Option.none()), Option.some(`${folder}/${name(3)}`))
      assert.deepStrictEqual(
        yield* Folder.latest(folder, Option.some("2026-01-02")),
        Option.some(`${folder}/${name(2)}`)
      )
      assert.isTrue(Option.isNone(yield* Folder.latest(folder, Option.some("2026-01-09"))))

      yield* Folder.remove(folder, yield* Folder.outdated(folder, 2))
      const left = [name(2), `${name(2)}.sha256`, name(3), `${name(3)}.sha256`, `${name(9)}.partial`, "notes.txt"]
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), left.toSorted())
    })
  )
})
