/** Requests that never reach a route, because Node cannot read them or there is none yet: they are answered here. */
import { Effect, Predicate } from "effect"
import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Metrics } from "../Telemetry/Metrics.ts"
import { requestId } from "./requestId.ts"
import { safety } from "./safety.ts"

const refusals: Record<string, readonly [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, "Request header fields too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Request body too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request timed out"]
}

/** Time the client gets to read a refusal before the connection is closed on what it still sends. */
const closeGraceMillis = 500

/** As the log has it. */
interface Refusal {
  readonly request_id: string
  readonly status: number
}

/** Of requests that a route had begun to read. */
const refused = new WeakMap<object, Refusal>()

/** How a request was refused that could not be read to its end, for its line in the log. */
export const refusalOf = (request: object): Refusal | undefined => refused.get(request)

/** The answer whose turn it is on a connection. Node's own handler of `clientError` looks there, too. */
export const answerOn = (socket: Duplex): ServerResponse | undefined =>
  Predicate.hasProperty(socket, "_httpMessage") && socket._httpMessage instanceof ServerResponse
    ? socket._httpMessage
    : undefined

const textOf = (status: number, headers: Readonly<Record<string, string>>, body: string): string => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`
}

const closeSoon = (socket: Socket): void => {
  const timer = setTimeout(() => socket.destroy(), closeGraceMillis)
  socket.once("close", () => clearTimeout(timer)).resume()
}

export const make = Effect.gen(function* () {
  const idOf = yield* requestId
  const metrics = yield* Metrics
  const headers = { ...(yield* safety), "content-type": "application/json", connection: "close" }
  const fork = Effect.runForkWith(yield* Effect.context())

  const log = (refusal: Refusal, socket: Socket, more: Readonly<Record<string, unknown>>) =>
    Effect.annotateLogs(Effect.logInfo("request"), {
      ...refusal,
      client_address: socket.remoteAddress ?? "unknown",
      route: "none",
      ...more
    }).pipe(
      Effect.andThen(
        metrics.responded({ method: String(more["method"]), route: "none", status: refusal.status, seconds: 0 })
      )
    )

  const refuse = Effect.fnUntraced(function* (code: string | undefined, socket: Socket) {
    const [status, detail] = refusals[code ?? ""] ?? [400, "Bad request"]
    const request = answerOn(socket)?.req
    const refusal = { request_id: yield* idOf(request?.headers["x-request-id"]), status }
    const body = JSON.stringify({ detail })
    const length = { "content-length": String(Buffer.byteLength(body)), "x-request-id": refusal.request_id }
    socket.end(textOf(status, { ...headers, ...length }, body))
    closeSoon(socket)
    // A request that a route had begun to read has its line when its connection is closed.
    if (request === undefined) return yield* log(refusal, socket, { method: "unknown" })
    refused.set(request, refusal)
  })

  return {
    /** For requests that come while there are no routes: a server that starts, or that ends. */
    refuseForNow: (request: IncomingMessage, response: ServerResponse): void =>
      void fork(
        Effect.gen(function* () {
          const refusal = { request_id: yield* idOf(request.headers["x-request-id"]), status: 503 }
          response.writeHead(refusal.status, { ...headers, "retry-after": "1", "x-request-id": refusal.request_id })
          response.end(JSON.stringify({ detail: "Service temporarily unavailable" }))
          yield* log(refusal, request.socket, { method: request.method, duration_ms: 0 })
        })
      ),

    /** For the server's `clientError`. */
    refuseUnreadable: (error: NodeJS.ErrnoException, socket: Duplex): void => {
      const canTell = socket instanceof Socket && socket.writable && answerOn(socket)?.headersSent !== true
      // Whoever has sent nothing has asked for nothing: an answer would be taken for that to a request under way.
      if (canTell && socket.bytesRead > 0) fork(refuse(error.code, socket))
      else socket.destroy()
    }
  }
})
