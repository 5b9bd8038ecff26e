/** Gives what does not decode, and what nobody expected, the shapes of the contract. */
import { Boundary } from "@parley/domain/Api"
import { InternalServerError, ServiceUnavailable, ValidationError } from "@parley/domain/Errors"
import { Cause, Effect, Layer, Predicate, type Types } from "effect"
import { type HttpApiEndpoint, HttpApiError } from "effect/http-api"
import { Headers, HttpEffect, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { isUnreachable } from "../Sql/isUnreachable.ts"
import { fieldErrors } from "./fieldErrors.ts"

/** What a caller is told of a defect; the log is told the rest. */
export const unexpected = (cause: Cause.Cause<unknown>): Effect.Effect<ServiceUnavailable | InternalServerError> =>
  isUnreachable(cause)
    ? Effect.as(Effect.logWarning("The database cannot be reached"), new ServiceUnavailable({}))
    : Effect.as(Effect.logError("Unexpected failure", cause), new InternalServerError({}))

/** What ends a request by dying and yet is its fault: a body that is too large or breaks off. It has its own response. */
const isRefusal = (defect: unknown): boolean =>
  HttpServerResponse.isHttpServerResponse(defect) ||
  (HttpServerError.isHttpServerError(defect) && defect.reason._tag === "RequestParseError")

export const isUnexpected = (cause: Cause.Cause<unknown>): boolean =>
  Cause.hasDies(cause) && !cause.reasons.some((reason) => Cause.isDieReason(reason) && isRefusal(reason.defect))

const isResponseKind = (error: HttpApiError.HttpApiSchemaError) =>
  error.kind === "Body" || error.kind === "ResponseHeaders"

/** A body that does not say that it is JSON, or that is packed, which nothing here unpacks. */
const isOfUnknownType = (headers: Headers.Headers): boolean =>
  (headers["content-type"] === undefined || (headers["content-encoding"] ?? "identity") !== "identity") &&
  (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0)

/** Endpoints take a body of no type for JSON; RFC 9110 (8.3) lets it be what no endpoint reads: 415 then, in its turn. */
const withType = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest =>
  isOfUnknownType(request.headers)
    ? request.modify({ headers: Headers.set(request.headers, "content-type", "application/octet-stream") })
    : request

/** What stands around an endpoint, in whatever shape its errors are told. */
export const around = <R>(
  httpEffect: Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, R>,
  { endpoint }: { readonly endpoint: HttpApiEndpoint.Top }
) =>
  Effect.flatMap(RequestFacts, (facts) => {
    facts.route = endpoint.path
    return endpoint.payload.size === 0
      ? shaped(httpEffect)
      : Effect.updateService(shaped(httpEffect), HttpServerRequest.HttpServerRequest, withType)
  })

export const layer = Layer.succeed(Boundary, around)

const shaped = <R>(httpEffect: Effect.Effect<HttpServerResponse.HttpServerResponse, Types.unhandled, R>) =>
  httpEffect.pipe(
    Effect.catch((error): Effect.Effect<never, Types.unhandled | ValidationError> => {
      if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
      return isResponseKind(error)
        ? Effect.die(error)
        : Effect.fail(new ValidationError({ errors: fieldErrors(error) }))
    }),
    Effect.catchCauseIf(
      (cause) => isUnexpected(cause),
      (cause) => Effect.flatMap(unexpected(cause), (error) => Effect.fail(error))
    ),
    Effect.tapError((error) =>
      Predicate.hasProperty(error, "retryAfterSeconds")
        ? HttpEffect.appendPreResponseHandler((_request, response) =>
            Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(error.retryAfterSeconds)))
          )
        : Effect.void
    )
  )
