/**
 * The router takes whatever follows a `;` or a `#` for a query, and so `DELETE .../{session_id};x/messages` for the deletion
 * of the session. A `;` belongs to its segment (RFC 3986, 3.3), and a `#` to no request: both are shown to it encoded.
 */
import { Effect } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"

const asSent = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest => {
  const [path = "", ...query] = request.url.split("?")
  const encoded = path.replace(/[;#]/gu, encodeURIComponent)
  return encoded === path ? request : request.modify({ url: [encoded, ...query].join("?") })
}

export const layer = HttpRouter.middleware(
  (httpEffect) =>
    // Nearly all are as they were sent, and need no service of their own.
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const sent = asSent(request)
      return sent === request
        ? httpEffect
        : Effect.provideService(httpEffect, HttpServerRequest.HttpServerRequest, sent)
    }),
  { global: true }
)
