/** What a failed model call means: for the turn, and for whether another attempt makes sense. */
import { ModelFailed, ModelTimeout, ModelUnavailable } from "@parley/domain/Chat"
import { Data, Duration, Predicate } from "effect"
import type { ModelError } from "../Telemetry/Catalogue.ts"

export type TurnModelError = ModelFailed | ModelTimeout | ModelUnavailable

export class ModelCallFailed extends Data.TaggedError("ModelCallFailed")<{
  /** What the turn fails with if nothing else helps. */
  readonly error: TurnModelError
  /** Whether the same request may be answered next time. */
  readonly retryable: boolean
  /** Whether another model may answer it: this one was not to be had, or is none. */
  readonly isAboutModel: boolean
  /** What the provider asked for before the next attempt. */
  readonly retryAfter?: Duration.Duration | undefined
  /** For metrics: one of a few. */
  readonly reason: ModelError
  /** For the log: status and code, never a message, which may quote the conversation. */
  readonly kind: string
}> {}

const refused = (detail: ModelFailed["detail"], reason: ModelError, kind: string, isAboutModel = false) =>
  new ModelCallFailed({ error: new ModelFailed({ detail }), retryable: false, isAboutModel, reason, kind })

const broken = (reason: ModelError, kind: string) =>
  new ModelCallFailed({
    error: new ModelFailed({ detail: "The model failed to answer" }),
    retryable: true,
    isAboutModel: true,
    reason,
    kind
  })

const unavailable = (reason: ModelError, kind: string, retryable: boolean, retryAfter?: Duration.Duration) =>
  new ModelCallFailed({
    error:
      retryAfter === undefined
        ? new ModelUnavailable({})
        : ModelUnavailable.after(Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))),
    retryable,
    isAboutModel: true,
    retryAfter,
    reason,
    kind
  })

/** Not asked at all: the model is left alone for as long. */
export const circuitOpen = (retryAfter: Duration.Duration) =>
  unavailable("unavailable", "circuit open", false, retryAfter)

const timedOut = (kind: string) =>
  new ModelCallFailed({ error: new ModelTimeout({}), retryable: true, isAboutModel: true, reason: "timeout", kind })

/** Asked, and heard nothing more of. */
export const silent = timedOut("silence")

const overflow = (kind: string) => refused(tooLong.detail, "context_overflow", kind)

/** Found before it was asked. */
export const tooLong = new ModelFailed({ detail: "The conversation does not fit the model's context" })

/** Whether the conversation was too long: less of it may do. */
export const isOverflow = ({ error }: ModelCallFailed): boolean => error.detail === tooLong.detail

export const contentFiltered = refused(
  "The model's answer was blocked by its content filter",
  "content_filter",
  "content_filter"
)
export const cutOff = refused("The model failed to answer", "cut_off", "cut off at max tokens")
/** The stream ended without an end. */
export const cutShort = broken("cut_short", "cut short")
export const emptyAnswer = broken("empty_answer", "empty answer")

const property = (u: unknown, name: string): unknown => (Predicate.hasProperty(u, name) ? u[name] : undefined)

/** RFC 9110 allows a date as well; providers send seconds. */
const headerSeconds = (u: unknown): Duration.Duration | undefined => {
  const headers = property(u, "headers")
  const value = headers instanceof Headers ? headers.get("retry-after") : property(headers, "retry-after")
  const seconds = Predicate.isString(value) && value.trim() !== "" ? Number(value) : Number.NaN
  return Number.isFinite(seconds) ? Duration.seconds(seconds) : undefined
}

const retryAfterOf = (u: unknown): Duration.Duration | undefined => {
  const millis = property(u, "retryAfterMs")
  return Predicate.isNumber(millis) ? Duration.millis(millis) : headerSeconds(u)
}

/** Why there was no connection, which is told in the causes: ECONNREFUSED, ENOTFOUND and their like. */
const networkCode = (u: unknown, depth = 5): string => {
  const code = property(u, "code")
  if (Predicate.isString(code) && /^E[A-Z_]+$/u.test(code)) return code
  const cause = property(u, "cause")
  return depth === 0 || cause === undefined ? "" : networkCode(cause, depth - 1)
}

/** From whatever the client library threw. Statuses first; what has none is known by its name. */
export const classify = (thrown: unknown): ModelCallFailed => {
  const name = String(property(thrown, "name"))
  const code = String(property(thrown, "code") ?? property(thrown, "lc_error_code") ?? "")
  const status = property(thrown, "status")
  const kind = `${Predicate.isNumber(status) ? status : name} ${code}`.trim()

  if (name === "ContextOverflowError" || code === "context_length_exceeded") return overflow(kind)
  if (code === "content_filter") return contentFiltered
  if (code === "insufficient_quota") return unavailable("quota", kind, false, retryAfterOf(thrown))
  if (!Predicate.isNumber(status)) {
    if (name === "TimeoutError") return timedOut(kind)
    // A refused, reset or cut connection: an answer may be had from the next one.
    return unavailable("connection", code === "" ? `${kind} ${networkCode(thrown)}`.trim() : kind, true)
  }
  if (status === 429) return unavailable("rate_limited", kind, true, retryAfterOf(thrown))
  if (status === 503) return unavailable("unavailable", kind, true, retryAfterOf(thrown))
  if (status === 408 || status === 504) return timedOut(kind)
  if (status === 409 || status >= 500) return broken(status === 409 ? "conflict" : "server_error", kind)
  // A key that is not accepted is the same for every model.
  const isKeyRefused = status === 401
  return refused("The model refused the request", isKeyRefused ? "unauthorized" : "refused", kind, !isKeyRefused)
}
