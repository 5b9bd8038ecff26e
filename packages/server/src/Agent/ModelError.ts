/** What a failed model call means: for the turn, and for whether another attempt makes sense. */
import { ModelFailed, ModelTimeout, ModelUnavailable } from "@parley/domain/Chat"
import { Data, Duration, Predicate } from "effect"

export type TurnModelError = ModelFailed | ModelTimeout | ModelUnavailable

export class ModelCallFailed extends Data.TaggedError("ModelCallFailed")<{
  /** What the turn fails with if nothing else helps. */
  readonly error: TurnModelError
  readonly retryable: boolean
  /** What the provider asked for before the next attempt. */
  readonly retryAfter?: Duration.Duration | undefined
  /** For the log: status and code, never a message, which may quote the conversation. */
  readonly kind: string
}> {}

const failed = (detail: ModelFailed["detail"], kind: string, retryable = false) =>
  new ModelCallFailed({ error: new ModelFailed({ detail }), retryable, kind })

const unavailable = (kind: string, retryable: boolean, retryAfter?: Duration.Duration) =>
  new ModelCallFailed({
    error: ModelUnavailable.after(retryAfter === undefined ? 30 : Math.max(1, Math.ceil(Duration.toSeconds(retryAfter)))),
    retryable,
    retryAfter,
    kind
  })

export const timedOut = (kind: string) =>
  new ModelCallFailed({ error: new ModelTimeout({}), retryable: true, kind })

export const contentFiltered = failed("The model's answer was blocked by its content filter", "content_filter")

export const cutOff = failed("The model failed to answer", "cut off at max tokens")
export const emptyAnswer = failed("The model failed to answer", "empty answer", true)

const property = (u: unknown, name: string): unknown => (Predicate.hasProperty(u, name) ? u[name] : undefined)

const headerSeconds = (u: unknown): Duration.Duration | undefined => {
  const headers = property(u, "headers")
  const value = headers instanceof Headers ? headers.get("retry-after") : property(headers, "retry-after")
  const seconds = Number(value)
  return Predicate.isString(value) && Number.isFinite(seconds) ? Duration.seconds(seconds) : undefined
}

const retryAfterOf = (u: unknown): Duration.Duration | undefined => {
  const millis = property(u, "retryAfterMs")
  return Predicate.isNumber(millis) ? Duration.millis(millis) : headerSeconds(u)
}

/** From whatever the client library threw. Statuses first; what has none is known by its name. */
export const classify = (thrown: unknown): ModelCallFailed => {
  const name = String(property(thrown, "name"))
  const code = String(property(thrown, "code") ?? property(thrown, "lc_error_code") ?? "")
  const status = property(thrown, "status")
  const kind = `${Predicate.isNumber(status) ? status : name} ${code}`.trim()

  if (name === "ContextOverflowError" || code === "context_length_exceeded") {
    return failed("The conversation does not fit the model's context", kind)
  }
  if (code === "content_filter") return contentFiltered
  if (code === "insufficient_quota") return unavailable(kind, false, retryAfterOf(thrown))
  if (!Predicate.isNumber(status)) {
    if (name === "TimeoutError") return timedOut(kind)
    // A refused, reset or cut connection: an answer may be had from the next one.
    return unavailable(kind, true)
  }
  if (status === 429 || status === 503) return unavailable(kind, true, retryAfterOf(thrown))
  if (status === 408 || status === 504) return timedOut(kind)
  if (status === 409 || status >= 500) return failed("The model failed to answer", kind, true)
  return failed("The model refused the request", kind)
}
