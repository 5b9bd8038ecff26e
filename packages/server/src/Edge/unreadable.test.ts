import { NodeCrypto, NodeHttpServer } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { connect } from "node:net"
import { layerConfig } from "../../test/TestServer.ts"
import * as Http from "../Http.ts"

/** Sends bytes as they are and gives what comes back until the server closes. */
const exchange = (port: number, ...pieces: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const socket = connect(port, "127.0.0.1")
    let text = ""
    socket.setEncoding("utf8").on("data", (piece: string) => (text += piece))
    socket.on("error", (error) => (text += `error: ${error.message}`))
    socket.on("close", () => resume(Effect.succeed(text)))
    for (const piece of pieces) socket.write(piece)
    return Effect.sync(() => socket.destroy())
  })

const Listening = HttpRouter.serve(HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("fine"))), {
  disableLogger: true,
  disableListenLog: true
}).pipe(
  Layer.provideMerge(Http.layerServer),
  Layer.provide([layerConfig({ PORT: "0" }), NodeHttpServer.layerHttpServices, NodeCrypto.layer])
)

layer(Listening, { excludeTestServices: true })("a request that is no HTTP", (it) => {
  const send = Effect.fnUntraced(function* (...pieces: ReadonlyArray<string>) {
    const { address } = yield* HttpServer.HttpServer
    return yield* exchange(Number(new URL(HttpServer.formatAddress(address)).port), ...pieces)
  })

  it.effect("has headers of a megabyte, and is refused in the shape of errors", () =>
    Effect.gen(function* () {
      const text = yield* send(`GET / HTTP/1.1\r\nHost: x\r\nX-Filler: ${"x".repeat(1_000_000)}\r\n\r\n`)
      assert.match(text, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/u)
      assert.include(text, "Content-Type: application/json")
      assert.include(text, '{"detail":"Request header fields too large"}')
    })
  )

  it.effect("is gibberish, and is refused in the shape of errors", () =>
    Effect.gen(function* () {
      const text = yield* send("\u0000\u0001 what is this\r\n\r\n")
      assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/u)
      assert.isTrue(text.endsWith('\r\n\r\n{"detail":"Bad request"}'))
    })
  )

  it.effect("does not keep the next one from being answered", () =>
    Effect.map(send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), (text) =>
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*fine$/u)
    )
  )
})
