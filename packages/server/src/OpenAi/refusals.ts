/** What goes wrong, in OpenAI's shape: statuses that make its clients do the right thing, and codes that they know. */
import type { TurnError } from "@parley/domain/Chat"
import type { InternalServerError, ServiceUnavailable } from "@parley/domain/Errors"
import type { RateLimitExceeded } from "@parley/domain/Limits"
import type { OpenAiError } from "@parley/domain/OpenAi"
import type { Unauthorized } from "@parley/domain/Users"
import { Predicate } from "effect"
import { Headers, HttpServerResponse } from "effect/http"
import type { Refusal } from "../Chat/Completions.ts"

export type Failure = Refusal | TurnError | Unauthorized | RateLimitExceeded | InternalServerError | ServiceUnavailable

type Body = OpenAiError["error"]

const errorOf = (
  message: string,
  type: Body["type"],
  code: string | null = null,
  param: string | null = null
): OpenAiError => ({ error: { message, type, param, code } })

/** "messages.0.role" as OpenAI writes it: "messages[0].role". */
const pathOf = (field: string): string => field.replaceAll(/\.(\d+)(?=\.|$)/gu, "[$1]")

interface Refused {
  readonly status: number
  readonly body: OpenAiError
}

/** Clients ask again after 408, 409, 429 and 5xx: what stays as it is must have another status. */
export const refused = (failure: Failure): Refused => {
  const { detail } = failure
  const invalid = (code: string) => ({ status: 400, body: errorOf(detail, "invalid_request_error", code) })
  const failed = (status: number, code: string) => ({ status, body: errorOf(detail, "server_error", code) })
  switch (failure._tag) {
    case "ValidationError": {
      const [first] = failure.errors
      const message = failure.errors.map(({ field, message }) => `${pathOf(field)}: ${message}`).join("; ")
      const param = first === undefined || first.field === "body" ? null : pathOf(first.field)
      return { status: 400, body: errorOf(message, "invalid_request_error", null, param) }
    }
    case "UnknownModel":
      return { status: 404, body: errorOf(detail, "invalid_request_error", "model_not_found", "model") }
    case "Unauthorized":
      return { status: 401, body: errorOf(detail, "invalid_request_error", "invalid_api_key") }
    case "RateLimitExceeded":
    case "TooManyAtOnce":
      return { status: 429, body: errorOf(detail, "requests", "rate_limit_exceeded") }
    case "BudgetExceeded":
      return { status: 429, body: errorOf(detail, "insufficient_quota", "insufficient_quota") }
    case "ModelFailed":
      if (detail === "The conversation does not fit the model's context") return invalid("context_length_exceeded")
      return detail === "The model's answer was blocked by its content filter"
        ? invalid("content_filter")
        : failed(502, "model_failed")
    case "ModelTimeout":
      return failed(504, "model_timeout")
    case "ModelUnavailable":
      return failed(503, "model_unavailable")
    case "ServiceUnavailable":
      return failed(503, "service_unavailable")
    case "InternalServerError":
      return failed(500, "internal_error")
    // Of sessions, which these requests have none of.
    case "SessionNotFound":
    case "TurnInProgress":
    case "MessageIdReused":
    case "TurnCancelled":
      return failed(503, "cancelled")
  }
}

export const respond = (failure: Failure): HttpServerResponse.HttpServerResponse => {
  const { body, status } = refused(failure)
  const headers = Predicate.hasProperty(failure, "retryAfterSeconds")
    ? { "retry-after": String(failure.retryAfterSeconds) }
    : {}
  return HttpServerResponse.jsonUnsafe(body, { status, headers })
}

const messages: Record<number, string> = { 413: "Request body too large", 415: "Unsupported content type" }

/** What was answered before the endpoint had its say is no JSON, or has Parley's own shape. */
export const inOpenAiShape = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  response.status < 400 || response.headers["content-type"] === "application/json"
    ? response
    : HttpServerResponse.jsonUnsafe(errorOf(messages[response.status] ?? "Bad request", "invalid_request_error"), {
        status: response.status,
        headers: Headers.removeMany(response.headers, ["content-type", "content-length"])
      })
