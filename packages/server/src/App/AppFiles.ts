/** The built page of `packages/app`, in memory: each file as it is, and as it was compressed when it was built. */
import { Effect, FileSystem, Path } from "effect"
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"

export interface AppFile {
  readonly type: string
  readonly etag: string
  /** By content coding; `identity` is the file as it is. */
  readonly bodies: ReadonlyMap<Coding, Uint8Array>
}

export type Coding = "br" | "gzip" | "identity"

const codings: ReadonlyArray<readonly [Coding, extension: string]> = [
  ["identity", ""],
  ["gzip", ".gz"],
  ["br", ".br"]
]

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml"
}

export const dist = fileURLToPath(new URL("../../../app/dist", import.meta.url))

/** The page, and by name what it names; undefined where it was not built. */
export const load = Effect.fn("AppFiles.load")(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const file = Effect.fnUntraced(function* (name: string) {
    const bodies = new Map<Coding, Uint8Array>()
    for (const [coding, extension] of codings) {
      const body = yield* Effect.option(fs.readFile(path.join(folder, name + extension)))
      if (body._tag === "Some") bodies.set(coding, body.value)
    }
    const hash = createHash("sha256").update(bodies.get("identity") ?? "")
    const loaded: AppFile = {
      type: types[path.extname(name)] ?? "application/octet-stream",
      etag: hash.digest("base64url").slice(0, 22),
      bodies
    }
    return loaded
  })

  if (!(yield* fs.exists(path.join(folder, "index.html")))) return undefined
  const names = (yield* fs.readDirectory(path.join(folder, "assets"))).filter((name) => path.extname(name) in types)
  const assets = yield* Effect.forEach(names, (name) =>
    Effect.map(file(path.join("assets", name)), (asset) => [name, asset] as const)
  )
  return { page: yield* file("index.html"), assets: new Map(assets) }
}, Effect.orDie)
