/** What every request passes, whatever its route: its id, its line in the log, the shape of errors, the headers of safety. */
import { ByteSize, Clock, Effect, Option, Result } from "effect"
import { SecureRandom } from "effect/crypto"
import {
  Headers,
  HttpEffect,
  HttpIncomingMessage,
  HttpMiddleware,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { NetAddress } from "effect/net"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { isUnexpected, unexpected } from "./Boundary.ts"
import { settings } from "./settings.ts"

/** What is told of errors that no endpoint raises itself, by status. */
const details: Record<number, string> = {
  400: "Bad request",
  404: "Not found",
  413: "Request body too large",
  415: "Unsupported content type",
  499: "Client closed the request",
  500: "Internal server error",
  503: "Service temporarily unavailable"
}

/** The router and the server answer errors with text or nothing: those get the body that all errors have. */
const withErrorBody = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  response.status < 400 || response.headers["content-type"] === "application/json"
    ? response
    : HttpServerResponse.jsonUnsafe(
        { detail: details[response.status] ?? "Request failed" },
        { status: response.status, headers: Headers.removeMany(response.headers, ["content-type", "content-length"]) }
      )

const safety = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" }

/** What may be repeated in logs and headers without harm. */
const wellFormedId = /^[A-Za-z0-9._-]{8,128}$/u

/** The client's `X-Request-Id` when it is well formed, else a new one. */
const idOf = (request: HttpServerRequest.HttpServerRequest, random: SecureRandom.SecureRandom["Service"]) => {
  const sent = request.headers["x-request-id"]
  return sent !== undefined && wellFormedId.test(sent) ? Effect.succeed(sent) : random.uuidV7()
}

/** IPv4 that came over a socket for IPv6 is written as IPv4. */
const addressOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const address = Option.getOrElse(request.remoteAddress, () => "unknown")
  if (!address.includes(":")) return address
  const canonical = Result.map(NetAddress.ipFromString(address), (ip) =>
    NetAddress.formatIp(NetAddress.toCanonical(ip))
  )
  return Result.getOrElse(canonical, () => address)
}

export const layer = HttpRouter.middleware(
  Effect.gen(function* () {
    const random = yield* SecureRandom.SecureRandom
    const maxBodySize = ByteSize.bytes(yield* settings.maxBodyBytes.config)

    const trustedProxies = yield* settings.trustedProxies.config

    return (httpEffect) => {
      const handled = Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const id = yield* idOf(request, random)
        const facts: RequestFacts = { route: "none", login: undefined, clientAddress: addressOf(request) }
        const origin = { request_id: id, client_address: facts.clientAddress }
        const startedAt = yield* Clock.currentTimeMillis
        // Not Effect.fn: to make such a function anew for each request costs a tenth of it.
        const finish = (response: HttpServerResponse.HttpServerResponse) =>
          Clock.currentTimeMillis.pipe(
            Effect.flatMap((now) =>
              Effect.annotateLogs(Effect.logInfo("request"), {
                ...origin,
                ...(facts.login === undefined ? {} : { user_id: facts.login.id }),
                method: request.method,
                route: facts.route,
                status: response.status,
                duration_ms: now - startedAt
              })
            ),
            Effect.as(
              HttpServerResponse.setHeaders(withErrorBody(response), {
                ...safety,
                "x-request-id": id,
                ...(response.status === 401 ? { "www-authenticate": "Bearer" } : {})
              })
            )
          )
        return yield* httpEffect.pipe(
          // Of endpoints the boundary has told already; this is for what is beside or beyond them.
          Effect.tapCause((cause) => (isUnexpected(cause) ? unexpected(cause) : Effect.void)),
          HttpEffect.withPreResponseHandler((_request, response) => finish(response)),
          Effect.provideService(HttpIncomingMessage.MaxBodySize, maxBodySize),
          Effect.provideService(RequestFacts, facts),
          Effect.annotateLogs(origin)
        )
      })
      return trustedProxies.length === 0 ? handled : HttpMiddleware.xForwardedHeaders({ trustedProxies })(handled)
    }
  }),
  { global: true }
)
