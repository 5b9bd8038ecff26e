/** A few routes on the Node server as production has it, with limits that a test can wait for. */
import { NodeCrypto, NodeHttpServer } from "@effect/platform-node"
import { Context, Effect, Layer, Queue, Schema, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { limits } from "../src/Edge/nodeServer.ts"
import * as Edge from "../src/Edge/Edge.ts"
import * as Http from "../src/Http.ts"
import { Shutdown } from "../src/Shutdown/Shutdown.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import * as TestLog from "./TestLog.ts"
import { layerConfig } from "./TestServer.ts"

export const short = {
  ...limits,
  headersMillis: 300,
  requestMillis: 600,
  unreadMillis: 400,
  idleMillis: 200,
  checkMillis: 20
}

/** More than the kernel keeps for a connection that nobody reads. */
const large = new Uint8Array(64 * 1024 * 1024)

const piece = new Uint8Array(64 * 1024)

const endless = Stream.fromEffectRepeat(Effect.delay(Effect.succeed(new Uint8Array([46])), "20 millis"))

export class NodeTestServer extends Context.Service<
  NodeTestServer,
  {
    readonly port: number
    /** Waits until a connection is closed to which /large or /flood was sent; gives how much of it was made. */
    readonly ended: Effect.Effect<{ readonly bytes: number }>
  }
>()("@parley/server/test/NodeTestServer") {}

const Routes = Effect.gen(function* () {
  const ended = yield* Queue.unbounded<{ readonly bytes: number }>()
  const answerLarge = Effect.as(
    Effect.addFinalizer(() => Queue.offer(ended, { bytes: large.length })),
    HttpServerResponse.uint8Array(large)
  )
  /** Without end, as fast as it is taken. */
  const answerFlood = Effect.sync(() => {
    let bytes = 0
    const next = Effect.sync(() => {
      bytes += piece.length
      return piece
    })
    const pieces = Stream.fromEffectRepeat(next).pipe(Stream.onExit(() => Queue.offer(ended, { bytes })))
    return HttpServerResponse.stream(pieces)
  })
  const routes = Layer.mergeAll(
    HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("fine"))),
    HttpRouter.add("GET", "/slow", Effect.delay(Effect.succeed(HttpServerResponse.text("at last")), "1200 millis")),
    HttpRouter.add("GET", "/endless", Effect.succeed(HttpServerResponse.stream(endless))),
    HttpRouter.add("GET", "/flood", answerFlood),
    HttpRouter.add("GET", "/large", answerLarge),
    HttpRouter.add("GET", "/slow-large", Effect.delay(answerLarge, "1200 millis")),
    HttpRouter.add(
      "POST",
      "/",
      Effect.map(HttpServerRequest.schemaBodyJson(Schema.Unknown), () => HttpServerResponse.text("read"))
    ),
    Edge.layer
  )
  const Service = Layer.effect(
    NodeTestServer,
    Effect.map(HttpServer.HttpServer, ({ address }) => ({
      port: Number(new URL(HttpServer.formatAddress(address)).port),
      ended: Queue.take(ended)
    }))
  )
  return Layer.merge(HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }), Service)
})

export const layer = Layer.unwrap(Routes).pipe(
  Layer.provide(Http.layerServerWith(short)),
  Layer.provideMerge(Layer.merge(TestLog.layer, Metrics.layer)),
  Layer.provide([layerConfig({ PORT: "0" }), NodeHttpServer.layerHttpServices, NodeCrypto.layer, Shutdown.layer])
)
