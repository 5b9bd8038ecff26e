/** The Node server below the routes: how much it takes of a client, and how long it waits for one. */
import { Effect } from "effect"
import { Server, type ServerOptions } from "node:http"
import type { Socket } from "node:net"
import { answerOn, make as makeRefusals } from "./unreadable.ts"

export const limits = {
  /** For the headers of a request from their first byte, and for a new connection to send one. */
  headersMillis: 10_000,
  /** For a request to be there as a whole. */
  requestMillis: 30_000,
  /** For a client to take something of what it is sent. */
  unreadMillis: 30_000,
  /** Between two requests: longer than proxies keep connections, so that these close them, and never under a request. */
  idleMillis: 65_000,
  /** How often the first two are looked at. */
  checkMillis: 1000,
  headerBytes: 16_384,
  /** Those beyond are closed at once. An idle one takes some 6 kB, one with half a request 20, and each a file handle. */
  connections: 20_000,
  /** For the answers under way to be read to their end, when the server has stopped listening. */
  closeMillis: 5000
}
export type Limits = typeof limits

/** Node's own waits for connections to close on which nobody has asked for anything yet: browsers open such in advance. */
class NodeServer extends Server {
  readonly #sockets = new Set<Socket>()

  constructor(options: ServerOptions) {
    super(options)
    this.on("connection", (socket) => {
      this.#sockets.add(socket)
      socket.once("close", () => this.#sockets.delete(socket))
    })
  }

  override close(callback?: (error?: Error) => void): this {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
    return super.close(callback)
  }
}

/** Makes the server; it listens before there are routes, and for a moment after they are gone. */
export const make = Effect.fnUntraced(function* (limits: Limits) {
  const { refuseForNow, refuseUnreadable } = yield* makeRefusals

  return (): Server => {
    const server = new NodeServer({
      headersTimeout: limits.headersMillis,
      requestTimeout: limits.requestMillis,
      keepAliveTimeout: limits.idleMillis,
      connectionsCheckingInterval: limits.checkMillis,
      maxHeaderSize: limits.headerBytes,
      // Node would refuse who names none by itself, with nothing that all answers have: the edge does so.
      requireHostHeader: false,
      // There is nothing to upgrade to, and what was upgraded would have no limits of time.
      shouldUpgradeCallback: () => false
    })
    server.maxConnections = limits.connections
    server.setTimeout(limits.unreadMillis, (socket) => {
      // Nothing moved for so long: because the answer takes its time, or because nobody reads it.
      if (answerOn(socket) === undefined || socket.writableLength > 0) socket.destroy()
    })
    server.on("clientError", refuseUnreadable)
    // Node would answer 417 by itself, with nothing that all answers have. Whoever expects something else gets an answer.
    server.on("checkExpectation", (request, response) => server.emit("request", request, response))
    return server.on("request", (request, response) => {
      if (server.listenerCount("request") === 1) refuseForNow(request, response)
    })
  }
})
