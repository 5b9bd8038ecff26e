/** The page at /app where a person talks to Parley, and the files it is made of. */
import { Effect, FileSystem, Layer, Path } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { appEnvironment } from "../Settings/Setting.ts"
import { type AppFile, type Coding, dist, load } from "./AppFiles.ts"
import { settings } from "./settings.ts"

const paths = { page: "/app", withSlash: "/app/", asset: "/app/assets/:name" } as const

/** Only what came from here runs and is asked, and no text becomes HTML or a script: whatever an answer says. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join("; ")

const caching = {
  /** Asked for anew each time, and answered with 304 while it is the same. */
  page: "no-cache",
  /** Named by what is in them. */
  asset: "public, max-age=31536000, immutable"
} as const

/** What a client takes, the smallest first. A coding with `q=0` it does not take (RFC 9110, 12.5.3). */
const codingFor = (file: AppFile, accepted: string | undefined): Coding => {
  const parts = (accepted ?? "").toLowerCase().replace(/\s/gu, "").split(",")
  const taken = new Set(parts.filter((part) => !/;q=0(?:\.0*)?$/u.test(part)).map((part) => part.split(";")[0]))
  return (["br", "gzip"] as const).find((coding) => taken.has(coding) && file.bodies.has(coding)) ?? "identity"
}

const answer = (
  file: AppFile,
  { headers: sent }: HttpServerRequest.HttpServerRequest,
  cacheControl: string
): HttpServerResponse.HttpServerResponse => {
  const coding = codingFor(file, sent["accept-encoding"])
  const etag = `"${file.etag}-${coding}"`
  const headers = {
    "cache-control": cacheControl,
    "content-security-policy": policy,
    // Of a page that is alone in its process, no other window can take hold.
    "cross-origin-opener-policy": "same-origin",
    etag,
    vary: "accept-encoding",
    ...(coding === "identity" ? {} : { "content-encoding": coding })
  }
  const known = new Set((sent["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//u, "")))
  if (known.has(etag) || known.has("*")) return HttpServerResponse.empty({ status: 304, headers })
  const body = file.bodies.get(coding) ?? new Uint8Array()
  return HttpServerResponse.uint8Array(body, { contentType: file.type, headers })
}

const notFound = HttpServerResponse.empty({ status: 404 })

const routes = Effect.gen(function* () {
  const environment = yield* appEnvironment.config
  const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const loaded = Effect.provideContext(load(dist), context)
  const files = yield* loaded
  if (files === undefined)
    yield* Effect.logWarning("The page at /app is not built: run `make app`, or set APP_PAGE=false")
  // Whoever works on the page builds it again while the server runs.
  const current = environment === "development" ? loaded : Effect.succeed(files)

  return [
    HttpRouter.route("GET", paths.page, (request) =>
      Effect.map(current, (files) => (files === undefined ? notFound : answer(files.page, request, caching.page)))
    ),
    HttpRouter.route(
      "GET",
      paths.withSlash,
      Effect.succeed(HttpServerResponse.redirect(paths.page, { status: 308, headers: { "cache-control": "no-cache" } }))
    ),
    HttpRouter.route("GET", paths.asset, (request) =>
      Effect.gen(function* () {
        const { name = "" } = yield* HttpRouter.params
        const file = (yield* current)?.assets.get(name)
        return file === undefined ? notFound : answer(file, request, caching.asset)
      })
    )
  ] as const
})

/** The paths that are there: none with `APP_PAGE=false`. */
export const pages = Effect.map(settings.appPage.config, (isOn) => (isOn ? Object.values(paths) : []))

export const layer = Layer.unwrap(
  Effect.map(pages, ({ length }) => (length > 0 ? HttpRouter.addAll(routes) : Layer.empty))
)
