/** Why the judge gave no score, and whether it may another time. */
import { Data, DateTime, Duration, Option } from "effect"
import type { HttpClientError } from "effect/http"

export class JudgeFailed extends Data.TaggedError("JudgeFailed")<{
  readonly kind: "rate limited" | "quota" | "server error" | "timeout" | "invalid judgement" | "unreachable" | "refused"
  /** For a person; may quote what the judge said. */
  readonly message: string
  readonly isTransient: boolean
  /** What the provider asked for before the next attempt. */
  readonly retryAfter?: Duration.Duration | undefined
}> {}

export const timedOut = (after: Duration.Duration) =>
  new JudgeFailed({ kind: "timeout", message: `No answer within ${Duration.format(after)}`, isTransient: true })

export const invalid = (message: string) => new JudgeFailed({ kind: "invalid judgement", message, isTransient: true })

export const unreachable = ({ message, reason }: HttpClientError.HttpClientError) => {
  const { cause } = reason
  const why = cause instanceof Error && cause.message !== "" ? cause.message : message
  return new JudgeFailed({ kind: "unreachable", message: `Cannot reach the judge: ${why}`, isTransient: false })
}

/** Seconds, or a date. */
const retryAfterOf = (header: string | undefined, nowMillis: number): Duration.Duration | undefined => {
  if (header === undefined || header.trim() === "") return undefined
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Duration.seconds(Math.max(0, seconds))
  const date = Option.getOrUndefined(DateTime.make(header))
  return date && Duration.millis(Math.max(0, date.epochMilliseconds - nowMillis))
}

/** Of an answer that is none. */
export const ofStatus = (
  status: number,
  retryAfter: string | undefined,
  body: string,
  nowMillis: number
): JudgeFailed => {
  const message = `The judge answered ${status}: ${body.slice(0, 300)}`
  const wait = retryAfterOf(retryAfter, nowMillis)
  if (body.includes("insufficient_quota")) return new JudgeFailed({ kind: "quota", message, isTransient: false })
  if (status === 429) return new JudgeFailed({ kind: "rate limited", message, isTransient: true, retryAfter: wait })
  if (status === 408 || status === 504) return new JudgeFailed({ kind: "timeout", message, isTransient: true })
  if (status >= 500) return new JudgeFailed({ kind: "server error", message, isTransient: true, retryAfter: wait })
  return new JudgeFailed({ kind: "refused", message, isTransient: false })
}
