import { NodeCrypto } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import * as TestLog from "../../test/TestLog.ts"
import { layerConfig } from "../../test/TestServer.ts"
import * as Http from "../Http.ts"
import { Metrics } from "../Telemetry/Metrics.ts"

const listening = Http.layerServer.pipe(
  Layer.provideMerge(TestLog.layer),
  Layer.provide([layerConfig({ PORT: "0" }), NodeCrypto.layer, Metrics.layer])
)

layer(listening, { excludeTestServices: true })("a server whose routes are not built yet", (it) => {
  it.effect("asks callers to come back, instead of keeping them", () =>
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const response = yield* Effect.promise((signal) =>
        fetch(HttpServer.formatAddress(address), { signal, headers: { "x-request-id": "too-early-1" } })
      )
      assert.strictEqual(response.status, 503)
      assert.deepInclude(Object.fromEntries(response.headers), {
        "retry-after": "1",
        "x-request-id": "too-early-1",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'"
      })
      assert.deepStrictEqual(yield* Effect.promise(() => response.json()), {
        detail: "Service temporarily unavailable"
      })
      const [line, ...more] = yield* TestLog.logged("too-early-1")
      assert.isEmpty(more)
      assert.deepInclude(line?.annotations, { method: "GET", route: "none", status: 503, client_address: "127.0.0.1" })
    })
  )
})
