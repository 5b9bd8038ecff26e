import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { request } from "node:http"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { TestServer } from "../../test/TestServer.ts"

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  /** As it came: `fetch` would have decompressed it. */
  readonly body: Buffer
}

const get = Effect.fnUntraced(function* (path: string, headers: Readonly<Record<string, string>> = {}) {
  const { url } = yield* TestServer
  return yield* Effect.callback<Got>((resume) => {
    request(new URL(path, url), { headers, agent: false }, (response) => {
      const pieces: Array<Uint8Array> = []
      response.on("data", (piece) => pieces.push(piece))
      response.on("end", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces)
          })
        )
      )
    }).end()
  })
})

const filesOf = (html: string) =>
  [...html.matchAll(/(?:src|href)="(\/app\/assets\/[^"]+)"/gu)].map(([, path = ""]) => path)

const files = Effect.map(get("/app"), ({ body }) => filesOf(body.toString()))

layer(TestServer.layer, { excludeTestServices: true })("the page at /app", (it) => {
  it.effect("is less than 100 kB with all that it names, compressed", () =>
    Effect.gen(function* () {
      const paths = yield* files
      assert.isAtLeast(paths.length, 3)
      for (const coding of ["br", "gzip"]) {
        const all = yield* Effect.forEach(["/app", ...paths], (path) => get(path, { "accept-encoding": coding }))
        const bytes = all.map(({ body }) => body.length).reduce((sum, length) => sum + length, 0)
        assert.isBelow(bytes, 100_000, coding)
        assert.isAbove(bytes, 10_000, coding)
      }
    })
  )

  it.effect("comes in the smallest coding that a client takes, and is the same in all", () =>
    Effect.gen(function* () {
      for (const path of ["/app", ...(yield* files)]) {
        const plain = yield* get(path)
        assert.notProperty(plain.headers, "content-encoding")
        for (const [accepted, coding, decompress] of [
          ["gzip, deflate, br, zstd", "br", brotliDecompressSync],
          ["gzip;q=1.0, br;q=0", "gzip", gunzipSync],
          ["BR;q=0.1", "br", brotliDecompressSync]
        ] as const) {
          const { body, headers } = yield* get(path, { "accept-encoding": accepted })
          assert.strictEqual(headers["content-encoding"], coding, `${path} ${accepted}`)
          assert.isTrue(decompress(body).equals(plain.body), path)
          assert.notStrictEqual(headers["etag"], plain.headers["etag"])
          assert.include(headers["vary"], "accept-encoding")
        }
        assert.notProperty((yield* get(path, { "accept-encoding": "gzip;q=0, identity" })).headers, "content-encoding")
      }
    })
  )

  it.effect("is asked for anew each time, and what it names is kept for good", () =>
    Effect.gen(function* () {
      const page = yield* get("/app")
      assert.strictEqual(page.headers["cache-control"], "no-cache")
      for (const path of yield* files)
        assert.strictEqual((yield* get(path)).headers["cache-control"], "public, max-age=31536000, immutable")

      for (const tag of [
        String(page.headers["etag"]),
        `W/${String(page.headers["etag"])}`,
        `"other", ${String(page.headers["etag"])}`
      ]) {
        const again = yield* get("/app", { "if-none-match": tag })
        assert.strictEqual(again.status, 304)
        assert.lengthOf(again.body, 0)
        assert.strictEqual(again.headers["etag"], page.headers["etag"])
      }
      const compressed = { "accept-encoding": "br", "if-none-match": String(page.headers["etag"]) }
      assert.strictEqual((yield* get("/app", compressed)).status, 200)
    })
  )

  it.effect("may run and ask only what came from here, and is framed by nobody", () =>
    Effect.gen(function* () {
      const { headers } = yield* get("/app")
      const policy = String(headers["content-security-policy"]).split("; ")
      for (const directive of [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'"
      ])
        assert.include(policy, directive)
      assert.notInclude(policy.join(), "unsafe")
      assert.strictEqual(headers["x-content-type-options"], "nosniff")
      assert.strictEqual(headers["x-frame-options"], "DENY")
    })
  )

  it.effect("is also there for those who end its path with a slash, and nothing is beside it", () =>
    Effect.gen(function* () {
      const redirected = yield* get("/app/")
      assert.deepStrictEqual([redirected.status, redirected.headers["location"]], [308, "/app"])
      for (const path of ["/app/assets/none.js", "/app/assets/..%2findex.html", "/app/assets/", "/app/index.html"])
        assert.strictEqual((yield* get(path)).status, 404, path)
      const server = yield* TestServer
      assert.strictEqual((yield* server.ask("POST", "/app")).status, 405)
    })
  )
})

layer(TestServer.layerWith({ settings: { APP_PAGE: "false" } }), { excludeTestServices: true })(
  "APP_PAGE=false",
  (it) => {
    it.effect("leaves no page", () =>
      Effect.gen(function* () {
        for (const path of ["/app", "/app/"]) assert.strictEqual((yield* get(path)).status, 404)
        const server = yield* TestServer
        assert.strictEqual((yield* server.ask("POST", "/app")).status, 404)
      })
    )
  }
)
