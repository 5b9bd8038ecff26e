/** One line of the log: a flat JSON object, in which a request, its trace and its user can be looked for by name. */
import { Array, Cause, Formatter, Logger, Predicate, References } from "effect"
import { current } from "./RequestSpan.ts"

const plain = (value: unknown): unknown =>
  Predicate.isString(value) || Predicate.isNumber(value) || Predicate.isBoolean(value) ? value : Formatter.format(value)

/** What failed, and why, in words. */
const inWords = (part: unknown): string =>
  Cause.isCause(part)
    ? Cause.pretty(part)
    : part instanceof Error
      ? Cause.pretty(Cause.die(part))
      : Formatter.format(part)

/**
 * `time`, `level`, `message`; `trace_id` and `span_id` inside a trace; what the line is annotated with, such as
 * `request_id`, `user_id`, `route`, `status`, `duration_ms`; and causes as text in `error`.
 */
export const format: Logger.Logger<unknown, string> = Logger.make(({ cause, date, fiber, logLevel, message }) => {
  const parts = Array.ensure(message)
  const line: Record<string, unknown> = {
    time: date.toISOString(),
    level: logLevel.toUpperCase(),
    message: parts.filter(Predicate.isString).join(" ")
  }
  const span = current(fiber)
  if (span !== undefined) {
    line["trace_id"] = span.traceId
    line["span_id"] = span.spanId
  }
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  // The line's own words win over an annotation of the same name.
  for (const name of Object.keys(annotations)) if (!(name in line)) line[name] = plain(annotations[name])
  const errors = parts.filter((part) => !Predicate.isString(part)).map(inWords)
  if (cause.reasons.length > 0) errors.push(Cause.pretty(cause))
  if (errors.length > 0) line["error"] = errors.join("\n")
  return JSON.stringify(line)
})
