/**
 * How a span ends. The text of an exception may quote a conversation, a row or a secret, so none is exported: a failure
 * is told by the name of its kind and, where it is one of ours, in the words that the caller is told.
 */
import { Cause, Exit, Predicate, type Tracer } from "effect"

export interface Failure {
  readonly type: string
  readonly message: string
}

const nameOf = (error: unknown): string => {
  const name = Predicate.hasProperty(error, "_tag") ? error._tag : error instanceof Error ? error.name : undefined
  return Predicate.isString(name) && /^\w{1,60}$/u.test(name) ? name : "Unknown"
}

/** Errors of the contract have it as a literal. Those of the model's call bring the one that the turn would fail with. */
const detailOf = (error: unknown): string | undefined => {
  const told =
    Predicate.isTagged(error, "ModelCallFailed") && Predicate.hasProperty(error, "error") ? error.error : error
  return Predicate.hasProperty(told, "_tag") && Predicate.hasProperty(told, "detail") && Predicate.isString(told.detail)
    ? told.detail
    : undefined
}

/** Nothing of a success. */
export const failureOf = (exit: Exit.Exit<unknown, unknown>): Failure | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasInterruptsOnly(exit.cause)) return { type: "interrupted", message: "Interrupted" }
  for (const reason of exit.cause.reasons) {
    if (Cause.isFailReason(reason)) {
      const type = nameOf(reason.error)
      return { type, message: detailOf(reason.error) ?? type }
    }
    if (Cause.isDieReason(reason)) return { type: nameOf(reason.defect), message: "Unexpected failure" }
  }
  return { type: "Unknown", message: "Unexpected failure" }
}

/** A request fails by its status: what the caller did wrong is no failure of ours, however it was told. */
const requestFailureOf = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Failure | undefined => {
  const status = span.attributes.get("http.response.status_code")
  if (Predicate.isNumber(status) && status >= 500) return { type: String(status), message: `Status ${status}` }
  return Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
    ? { type: "interrupted", message: "The client went away" }
    : undefined
}

export const failureOfSpan = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Failure | undefined =>
  span.kind === "server" ? requestFailureOf(span, exit) : failureOf(exit)

/** What is only known after it began: the route of a request, the operation of a statement. */
export const nameAtEnd = ({ attributes, kind, name }: Tracer.Span): string => {
  if (kind === "server") {
    const route = attributes.get("http.route")
    return Predicate.isString(route) ? `${name} ${route}` : name
  }
  const statement = attributes.get("db.query.text")
  const operation = Predicate.isString(statement) ? /^\s*([A-Za-z]+)/u.exec(statement)?.[1] : undefined
  return operation === undefined ? name : `${operation.toUpperCase()} ${name}`
}
