import { NodeCrypto } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { layerConfig } from "../../test/TestServer.ts"
import * as Http from "../Http.ts"

const listening = Http.layerServer.pipe(Layer.provide([layerConfig({ PORT: "0" }), NodeCrypto.layer]))

layer(listening, { excludeTestServices: true })("a server whose routes are not built yet", (it) => {
  it.effect("asks callers to come back, instead of keeping them", () =>
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const response = yield* Effect.promise((signal) => fetch(HttpServer.formatAddress(address), { signal }))
      assert.strictEqual(response.status, 503)
      assert.strictEqual(response.headers.get("retry-after"), "1")
      assert.deepStrictEqual(yield* Effect.promise(() => response.json()), {
        detail: "Service temporarily unavailable"
      })
    })
  )
})
