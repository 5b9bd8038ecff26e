/** Requests that never reach a route, because Node cannot read them or there is none yet: they get the shape of errors here. */
import { STATUS_CODES, type ServerResponse } from "node:http"
import type { Duplex } from "node:stream"

const refusals: Record<string, readonly [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, "Request header fields too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Request body too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request timed out"]
}

/** For requests that come while there are no routes: a server that starts, or that ends. */
export const refuseForNow = (response: ServerResponse): void => {
  response.writeHead(503, { "content-type": "application/json", "retry-after": "1", connection: "close" })
  response.end(JSON.stringify({ detail: "Service temporarily unavailable" }))
}

/** For the server's `clientError`. */
export const refuseUnreadable = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable) return void socket.destroy()
  const [status, detail] = refusals[error.code ?? ""] ?? [400, "Bad request"]
  const body = JSON.stringify({ detail })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}
