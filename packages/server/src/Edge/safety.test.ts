import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { listen, newcomer } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const ask = (method: string, path: string) => Effect.flatMap(TestServer, (server) => server.ask(method, path))

const everywhere = {
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
}
const nothing = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"

const directivesOf = (headers: Headers) =>
  new Map(
    (headers.get("content-security-policy") ?? "").split("; ").map((directive) => {
      const [name = "", ...values] = directive.split(" ")
      return [name, values]
    })
  )

const hashesOf = (html: string, element: string) =>
  [...html.matchAll(new RegExp(`<${element}>([^]*?)</${element}>`, "gu"))].map(
    ([, text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`
  )

layer(TestServer.layer, { excludeTestServices: true })("every answer", (it) => {
  it.effect("keeps browsers from making more of it than it is, and caches from keeping it", () =>
    Effect.gen(function* () {
      for (const [method, path, status] of [
        ["GET", "/", 200],
        ["GET", "/health", 200],
        ["GET", "/openapi.json", 200],
        ["GET", "/nowhere", 404],
        ["GET", "/api/v1/users/me", 401],
        ["POST", "/api/v1/auth/login", 422],
        ["PUT", "/api/v1/chat", 405],
        ["OPTIONS", "/api/v1/chat", 204],
        ["HEAD", "/health/live", 200]
      ] as const) {
        const { headers, ...reply } = yield* ask(method, path)
        assert.strictEqual(reply.status, status)
        const expected = { ...everywhere, "cache-control": "no-store", "content-security-policy": nothing }
        assert.deepInclude(Object.fromEntries(headers), expected, path)
      }
    })
  )

  it.effect("does so as a stream, which brings its own word on caches", () =>
    Effect.gen(function* () {
      const { response } = yield* listen(yield* newcomer, "Hello")
      assert.deepInclude(Object.fromEntries(response.headers), {
        ...everywhere,
        "cache-control": "no-cache, no-transform",
        "content-security-policy": nothing
      })
    })
  )

  it.effect("tells nothing of what serves it", () =>
    Effect.gen(function* () {
      for (const path of ["/", "/docs", "/nowhere"]) {
        const { headers } = yield* ask("GET", path)
        for (const name of ["server", "x-powered-by", "via"]) assert.isFalse(headers.has(name), name)
      }
    })
  )

  it.effect("does not bind a developer's browser to TLS", () =>
    Effect.map(ask("GET", "/"), ({ headers }) => assert.isFalse(headers.has("strict-transport-security")))
  )
})

layer(TestServer.layer, { excludeTestServices: true })("the page of documentation", (it) => {
  it.effect("may run the scripts and styles that are written into it, and no others", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* ask("GET", "/docs")
      const directives = directivesOf(headers)
      for (const [element, directive] of [
        ["script", "script-src"],
        ["style", "style-src"]
      ] as const) {
        const hashes = hashesOf(text, element)
        assert.lengthOf(hashes, 1)
        assert.deepStrictEqual(directives.get(directive), hashes)
      }
      assert.notInclude(headers.get("content-security-policy"), "unsafe")
      assert.deepInclude(Object.fromEntries(headers), everywhere)
    })
  )

  it.effect("may call the server that it came from, and nobody else", () =>
    Effect.gen(function* () {
      for (const method of ["GET", "HEAD"]) {
        const directives = directivesOf((yield* ask(method, "/docs")).headers)
        assert.deepStrictEqual(directives.get("default-src"), ["'none'"])
        assert.deepStrictEqual(directives.get("connect-src"), ["'self'"])
        assert.deepStrictEqual(directives.get("img-src"), ["data:"])
        for (const name of ["base-uri", "form-action", "frame-ancestors"])
          assert.deepStrictEqual(directives.get(name), ["'none'"])
      }
    })
  )
})

for (const APP_ENV of ["staging", "production"])
  layer(TestServer.layerWith({ settings: { APP_ENV } }), { excludeTestServices: true })(`in ${APP_ENV}`, (it) => {
    it.effect("browsers are told to come back by TLS only", () =>
      Effect.map(ask("GET", "/"), ({ headers }) =>
        assert.strictEqual(headers.get("strict-transport-security"), "max-age=31536000")
      )
    )
  })
