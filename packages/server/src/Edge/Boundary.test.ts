import { NodeCrypto, NodeHttpServer } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Boundary } from "@parley/domain/Api"
import { Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { layerConfig, TestServer } from "../../test/TestServer.ts"
import * as TestLog from "../../test/TestLog.ts"
import { Agent } from "../Agent/Agent.ts"
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import * as BoundaryLayer from "./Boundary.ts"
import * as Edge from "./Edge.ts"

const secret = "the connection string, say"

const dying = Effect.die(new Error(secret))
const Dying = Layer.succeed(Agent, { answer: () => dying, complete: () => dying, models: ["dying"] })

layer(TestServer.layerWith({ agent: Dying }), { excludeTestServices: true })("a handler that dies", (it) => {
  it.effect("is 500 to the caller, who learns nothing, and told to the log with its cause", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { lines } = yield* TestLog.TestLog
      const token = yield* server.register
      const session_id = yield* server.openSession(token)
      const reply = yield* server.ask("POST", "/v1/chat", {
        token,
        body: { session_id, content: "Hello" },
        headers: { "x-request-id": "dying-request" }
      })
      assert.strictEqual(reply.status, 500)
      assert.strictEqual(reply.text, '{"detail":"Internal server error"}')
      assert.notInclude(JSON.stringify([...reply.headers]), secret)
      const [line, ...more] = lines.filter((line) => line.includes(secret))
      assert.isEmpty(more)
      assert.include(line, '"level":"ERROR"')
      assert.include(line, "dying-request")
    })
  )
})

/** What the contract has not yet: bodies in bodies, and answers that break it. */
const Pocket = HttpApi.make("pocket")
  .add(
    HttpApiGroup.make("pocket").add(
      HttpApiEndpoint.post("nested", "/nested", {
        payload: Schema.Struct({
          profile: Schema.Struct({ name: Schema.String, tags: Schema.Array(Schema.Int) })
        }),
        success: Schema.String
      }),
      HttpApiEndpoint.get("broken", "/broken", { success: Schema.Struct({ count: Schema.Int }) })
    )
  )
  .middleware(Boundary)
  .annotate(HttpApi.ParseOptions, { errors: "all", onExcessProperty: "error" })
  .annotate(HttpApi.SuccessParseOptions, {})
  .annotate(HttpApi.ErrorParseOptions, {})

const Handlers = HttpApiBuilder.group(Pocket, "pocket", (handlers) =>
  handlers.handleAll({
    nested: () => Effect.succeed("fine"),
    broken: () => Effect.succeed({ count: 0.5 })
  })
)

const PocketServer = HttpRouter.serve(
  Layer.mergeAll(
    HttpApiBuilder.layer(Pocket).pipe(Layer.provide(Handlers)),
    HttpRouter.add("GET", "/outside", Effect.die(new Error(secret))),
    Edge.layer
  ),
  { disableLogger: true, disableListenLog: true }
).pipe(
  Layer.provideMerge(NodeHttpServer.layerTest),
  Layer.provideMerge(TestLog.layer),
  Layer.provide([layerConfig(), NodeCrypto.layer, BoundaryLayer.layer, Metrics.layer, Shutdown.layer])
)

layer(PocketServer, { excludeTestServices: true })("the boundary", (it) => {
  it.effect("joins the path of a nested field with dots", () =>
    Effect.gen(function* () {
      const request = HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post("/nested"), {
        profile: { name: 7, tags: [1, "two", 3], nickname: "x" }
      })
      const response = yield* HttpClient.execute(request)
      assert.strictEqual(response.status, 422)
      assert.deepStrictEqual(yield* response.json, {
        detail: "Validation error",
        errors: [
          { field: "profile.nickname", message: "Unknown field" },
          { field: "profile.name", message: "Must be a string" },
          { field: "profile.tags.1", message: "Must be a number" }
        ]
      })
    })
  )

  it.effect("has the edge behind it, which tells the log of what dies outside the API", () =>
    Effect.gen(function* () {
      const { lines } = yield* TestLog.TestLog
      const response = yield* HttpClient.get("/outside")
      assert.strictEqual(response.status, 500)
      assert.deepStrictEqual(yield* response.json, { detail: "Internal server error" })
      assert.lengthOf(
        lines.filter((line) => line.includes('"level":"ERROR"') && line.includes(secret)),
        1
      )
    })
  )

  it.effect("takes an answer that breaks the contract for a fault of the server, not of the request", () =>
    Effect.gen(function* () {
      const { lines } = yield* TestLog.TestLog
      const response = yield* HttpClient.get("/broken")
      assert.strictEqual(response.status, 500)
      assert.deepStrictEqual(yield* response.json, { detail: "Internal server error" })
      assert.isNotEmpty(lines.filter((line) => line.includes('"level":"ERROR"') && line.includes("count")))
    })
  )
})
