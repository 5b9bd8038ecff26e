import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { gzipSync } from "node:zlib"
import { rawRequest } from "../../test/rawRequest.ts"
import { TestServer } from "../../test/TestServer.ts"

layer(TestServer.layer, { excludeTestServices: true })("a body", (it) => {
  it.effect("that is of another type is 415", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      for (const type of [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/vnd.parley+json",
        "application/jsonp"
      ]) {
        const { json, status } = yield* server.ask("POST", "/v1/auth/register", {
          body: "x",
          headers: { "content-type": type }
        })
        assert.strictEqual(status, 415, type)
        assert.deepStrictEqual(json, { detail: "Unsupported content type" }, type)
      }
      const charset = { "content-type": "Application/JSON; charset=utf-8" }
      assert.strictEqual((yield* server.ask("POST", "/v1/auth/register", { body: "{}", headers: charset })).status, 422)
    })
  )

  it.effect("that does not say of what type it is, or that is packed, is 415", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const post = (
        path: string,
        headers: Readonly<Record<string, string>>,
        ...chunks: ReadonlyArray<string | Uint8Array>
      ) => Effect.map(rawRequest(url, { method: "POST", path, headers, chunks }), ({ status }) => status)
      const register = "/api/v1/auth/register"
      const json = { "content-type": "application/json" }
      assert.strictEqual(yield* post(register, {}, "{}"), 415)
      assert.strictEqual(yield* post(register, { "content-length": "2" }, "{}"), 415)
      for (const encoding of ["gzip", "br", "deflate, gzip"])
        assert.strictEqual(yield* post(register, { ...json, "content-encoding": encoding }, gzipSync("{}")), 415)
      assert.strictEqual(yield* post(register, { ...json, "content-encoding": "identity" }, "{}"), 422)
    })
  )

  it.effect("that is not there is not 415: who logs out needs none, who registers lacks its fields", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      assert.strictEqual((yield* server.ask("POST", "/v1/auth/register")).status, 422)
      assert.strictEqual((yield* server.ask("POST", "/v1/auth/logout", { token })).status, 204)
    })
  )
})
