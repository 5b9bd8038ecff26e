/** What every request passes, whatever its route: its id, its line in the log, the shape of errors, the headers of safety. */
import { ByteSize, Clock, Context, Effect, Option, Predicate, References, Result, Tracer } from "effect"
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
import { Shutdown } from "../Shutdown/Shutdown.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import * as RequestSpan from "../Telemetry/RequestSpan.ts"
import { isUnexpected, unexpected } from "./Boundary.ts"
import { requestId } from "./requestId.ts"
import { safety } from "./safety.ts"
import { settings } from "./settings.ts"
import { refusalOf } from "./unreadable.ts"

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

/** IPv4 that came over a socket for IPv6 is written as IPv4. */
const addressOf = (request: HttpServerRequest.HttpServerRequest): string => {
  const address = Option.getOrElse(request.remoteAddress, () => "unknown")
  if (!address.includes(":")) return address
  const canonical = Result.map(NetAddress.ipFromString(address), (ip) =>
    NetAddress.formatIp(NetAddress.toCanonical(ip))
  )
  return Result.getOrElse(canonical, () => address)
}

/** RFC 9112, 3.2. */
const lacksHost = ({ headers, source }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["host"] === undefined && Predicate.hasProperty(source, "httpVersion") && source.httpVersion === "1.1"

const badRequest = Effect.succeed(HttpServerResponse.empty({ status: 400 }))

export const layer = HttpRouter.middleware(
  Effect.gen(function* () {
    const idOf = yield* requestId
    const metrics = yield* Metrics
    const safe = yield* safety
    const shutdown = yield* Shutdown
    const clock = yield* Clock.Clock
    const maxBodySize = ByteSize.bytes(yield* settings.maxBodyBytes.config)

    const trustedProxies = yield* settings.trustedProxies.config

    return (httpEffect) => {
      // Of endpoints the boundary has told already; this is for what is beside or beyond them.
      const told = Effect.tapCause(httpEffect, (cause) => (isUnexpected(cause) ? unexpected(cause) : Effect.void))
      // Every request comes by here: what can be is made once for all of them, and what they are given is given at once.
      const handled = Effect.withFiber((fiber) => {
        const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
        const startedAt = clock.currentTimeMillisUnsafe()
        return Effect.flatMap(idOf(request.headers["x-request-id"]), (id) =>
          Effect.flatMap(Effect.andThen(metrics.requestBegan, RequestSpan.begin(request, id)), (span) => {
            const facts: RequestFacts = { route: "none", login: undefined, clientAddress: addressOf(request), span }
            const origin = { request_id: id, client_address: facts.clientAddress }
            const finish = (response: HttpServerResponse.HttpServerResponse) => {
              // Of one that broke off because it was refused meanwhile, the log tells what the client was told.
              const refusal = response.status < 400 ? undefined : refusalOf(request.source)
              const status = refusal?.status ?? response.status
              RequestSpan.answered(facts, status)
              const { login, route } = facts
              const millis = clock.currentTimeMillisUnsafe() - startedAt
              const line = {
                ...origin,
                ...(login === undefined ? {} : { user_id: login.id }),
                method: request.method,
                route,
                status: response.status,
                ...refusal,
                duration_ms: millis
              }
              return metrics.responded({ method: request.method, route, status, seconds: millis / 1000 }).pipe(
                Effect.andThen(response.status >= 500 ? Effect.logWarning("request") : Effect.logInfo("request")),
                Effect.updateContext((context: Context.Context<never>) =>
                  Context.add(Context.add(context, Tracer.ParentSpan, span), References.CurrentLogAnnotations, line)
                ),
                Effect.as(
                  HttpServerResponse.setHeaders(withErrorBody(response), {
                    ...Headers.removeMany(safe, Object.keys(response.headers)),
                    "x-request-id": id,
                    // The next request may find another server; here is soon none.
                    ...(shutdown.hasBegun() ? { connection: "close" } : {}),
                    ...(response.status === 401 ? { "www-authenticate": "Bearer" } : {})
                  })
                )
              )
            }
            return (lacksHost(request) ? badRequest : told).pipe(
              HttpEffect.withPreResponseHandler((_request, response) => finish(response)),
              Effect.updateContext((context: Context.Context<HttpServerRequest.HttpServerRequest>) =>
                context.pipe(
                  Context.add(HttpIncomingMessage.MaxBodySize, maxBodySize),
                  Context.add(RequestFacts, facts),
                  Context.add(Tracer.ParentSpan, span),
                  Context.add(References.CurrentLogAnnotations, origin)
                )
              )
            )
          })
        )
      })
      return trustedProxies.length === 0 ? handled : HttpMiddleware.xForwardedHeaders({ trustedProxies })(handled)
    }
  }),
  { global: true }
)
