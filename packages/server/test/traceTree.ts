/** A trace as people read it: who called whom, in the order in which they began. */
import type { ReceivedSpan } from "./OtlpReceiver.ts"

/** Those whose parent did not come stand at the top. */
const lines = (spans: ReadonlyArray<ReceivedSpan>, show: (span: ReceivedSpan) => string): ReadonlyArray<string> => {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const sorted = spans.toSorted((one, other) => Number(one.startedAtNanos - other.startedAtNanos))
  const under = (parent: ReceivedSpan | undefined, depth: number): ReadonlyArray<string> =>
    sorted
      .filter(({ parentSpanId }) => (parent === undefined ? !ids.has(parentSpanId) : parentSpanId === parent.spanId))
      .flatMap((span) => [`${"  ".repeat(depth)}${show(span)}`, ...under(span, depth + 1)])
  return under(undefined, 0)
}

/** Names, and how what failed has failed: the same in each run. */
export const shape = (spans: ReadonlyArray<ReceivedSpan>): ReadonlyArray<string> =>
  lines(spans, ({ isError, name, statusMessage }) => (isError ? `${name} [error: ${statusMessage}]` : name))

/** For a person, with times and attributes. */
export const print = (spans: ReadonlyArray<ReceivedSpan>): string =>
  lines(spans, (span) => {
    const millis = (Number(span.endedAtNanos - span.startedAtNanos) / 1e6).toFixed(1)
    const attributes = Object.entries(span.attributes).map(([name, value]) => `${name}=${String(value).slice(0, 60)}`)
    const error = span.isError ? ` [error: ${span.statusMessage}]` : ""
    return `${span.name}${error} ${millis} ms  ${attributes.join(" ")}`.trimEnd()
  }).join("\n")
