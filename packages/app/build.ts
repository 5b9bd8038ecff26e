/** Builds the page into `dist`: what the server serves at /app, each file as it is, with gzip and with Brotli. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import { build, defaultClientConditions } from "vite"

const root = import.meta.dirname
const dist = join(root, "dist")

const encodings = [
  ["", async (content: Uint8Array) => content],
  [".gz", (content: Uint8Array) => promisify(gzip)(content, { level: 9 })],
  [
    ".br",
    (content: Uint8Array) =>
      promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } })
  ]
] as const

/** In one step, for a server may be reading meanwhile, and another build be writing. */
const put = async (name: string, content: Uint8Array) => {
  const path = join(dist, name)
  await mkdir(dirname(path), { recursive: true })
  const unfinished = `${path}.${process.pid}.tmp`
  await writeFile(unfinished, content)
  await rename(unfinished, path)
}

export const buildApp = async (): Promise<void> => {
  const built = await build({
    root,
    base: "/app/",
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    mode: "production",
    // Not what is meant for browsers alone: one of the libraries would have them decode `&amp;` by way of innerHTML.
    resolve: { conditions: ["worker", ...defaultClientConditions.filter((condition) => condition !== "browser")] },
    build: {
      write: false,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false
    }
  })
  if (!("output" in built)) throw new Error("The build gave more or less than one page")
  const files = built.output.map((file) => ({
    name: file.fileName,
    content: typeof file === "string" ? file : Buffer.from(file.type === "chunk" ? file.code : file.source)
  }))
  const names = new Set<string>()
  // The page last: what it names is there before it is.
  for (const { content, name } of files.toSorted(
    (a, b) => Number(a.name === "index.html") - Number(b.name === "index.html")
  ))
    for (const [extension, encode] of encodings) {
      names.add(name + extension)
      await put(name + extension, await encode(content))
    }
  for (const name of await readdir(dist, { recursive: true }))
    if (/\.(?!tmp$)\w+$/u.test(name) && !names.has(name)) await rm(join(dist, name), { force: true })
}

if (import.meta.main) await buildApp()
