/**
 * The errors any endpoint may answer with. Those with one meaning in one group are declared beside that group.
 * Every body is `{"detail": "..."}`; none carries a stack, an SQL text or an exception's message.
 */
import { Schema } from "effect"

/** One failing field; nested fields are joined with ".", a body that is no JSON is the field "body". */
export const FieldError = Schema.Struct({
  field: Schema.String.annotate({ description: "Path of the field, joined with `.`", examples: ["password"] }),
  message: Schema.String.annotate({
    description: "What is wrong with it, for people",
    examples: ["Password must contain at least one number"]
  })
}).annotate({ identifier: "FieldError" })
export type FieldError = typeof FieldError.Type

export class ValidationError extends Schema.Error<ValidationError>("ValidationError")(
  { detail: Schema.tag("Validation error"), errors: Schema.Array(FieldError) },
  {
    httpApiStatus: 422,
    description:
      "The body, query, path or headers do not decode. Lists every failing field and rule at once, up to a hundred."
  }
) {
  readonly _tag = "ValidationError" as const
}

export class InternalServerError extends Schema.Error<InternalServerError>("InternalServerError")(
  { detail: Schema.tag("Internal server error") },
  {
    httpApiStatus: 500,
    description: "Something failed that is not the caller's fault. The log has it under the response's X-Request-Id."
  }
) {
  readonly _tag = "InternalServerError" as const
}

export class PayloadTooLarge extends Schema.Error<PayloadTooLarge>("PayloadTooLarge")(
  { detail: Schema.tag("Request body too large") },
  { httpApiStatus: 413, description: "The body is larger than the server reads (1 MiB unless set otherwise)." }
) {
  readonly _tag = "PayloadTooLarge" as const
}

export class UnsupportedMediaType extends Schema.Error<UnsupportedMediaType>("UnsupportedMediaType")(
  { detail: Schema.tag("Unsupported content type") },
  { httpApiStatus: 415, description: "The body's content type is not one this endpoint reads." }
) {
  readonly _tag = "UnsupportedMediaType" as const
}

/** What an endpoint that reads a body may answer besides its own errors. */
export const bodyErrors = [PayloadTooLarge, UnsupportedMediaType] as const

/** `retryAfterSeconds` of an error becomes the header `Retry-After`; a decoded error has the default, so read the header. */
export class ServiceUnavailable extends Schema.Error<ServiceUnavailable>("ServiceUnavailable")(
  { detail: Schema.tag("Service temporarily unavailable") },
  {
    httpApiStatus: 503,
    description: "The database cannot be reached, or the server is shutting down. Try again after `Retry-After`."
  }
) {
  readonly _tag = "ServiceUnavailable" as const
  readonly retryAfterSeconds = 1
}
