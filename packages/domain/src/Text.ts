/**
 * How text sent by a client is read: trimmed, NFC, free of control characters, lengths in code points.
 * Text is stored as it was meant and never escaped here; whoever shows it escapes it.
 */
import { Schema, SchemaTransformation } from "effect"

/** NUL cannot be stored by PostgreSQL; the other control characters have no place in a chat. Tab and line ends do. */
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/u

export const isPrintable = Schema.makeFilter((text: string) => text.isWellFormed() && !controlCharacters.test(text), {
  expected: "text without control characters",
  message: "Must not contain control characters or broken Unicode"
})

/** Of UAX #15, 13 (Stream-Safe Text Format): more are no writing. Composing sorts each run, which takes the square of its length. */
const maxMarks = 30

const hasLongRuns = (text: string): boolean => {
  // Not one pattern with a count in it: that would look at each mark thirty times.
  for (const [run] of text.matchAll(/\p{M}+/gu)) if (run.length > maxMarks && [...run].length > maxMarks) return true
  return false
}

export const isComposable = Schema.makeFilter((text: string) => !hasLongRuns(text), {
  expected: `text without more than ${maxMarks} combining marks in a row`,
  message: `Must not contain more than ${maxMarks} combining marks in a row`
})

/** What is not composable is left as it is, and refused. */
const normalize = (text: string): string => (hasLongRuns(text) ? text : text.normalize("NFC")).trim()

/**
 * Text of `minimum` to `maximum` code points after trimming.
 * `label` begins the error messages: "Name must have between 1 and 100 characters".
 */
export const TrimmedText = (options: {
  readonly label: string
  readonly minimum: number
  readonly maximum: number
  readonly description: string
  readonly examples: readonly [string, ...ReadonlyArray<string>]
}) => {
  const { label, maximum, minimum } = options
  const message = `${label} must have between ${minimum} and ${maximum} characters`
  return Schema.String.annotate({
    message: `${label} must be a string`,
    description: `${options.description} ${minimum} to ${maximum} characters (code points) after trimming.`,
    examples: options.examples
  }).pipe(
    Schema.decodeTo(
      Schema.String.check(Schema.isBetweenCodePoints(minimum, maximum, { message }), isPrintable, isComposable),
      SchemaTransformation.transform({ decode: normalize, encode: (text) => text })
    )
  )
}

/** Lower-cased as well, so that one address is one account however it is typed. Lower case need not be NFC: hence last. */
export const normalizeEmail = (text: string): string => normalize(text.trim().toLowerCase())
