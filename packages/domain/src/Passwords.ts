import { Context, Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"

const textEncoder = new TextEncoder()

/** bcrypt reads 72 bytes. A longer password is refused, never truncated. */
export const passwordMaxBytes = 72

const longMessage = `Password must have at most ${passwordMaxBytes} bytes`
const brokenMessage = "Password must not contain NUL or broken Unicode"

export const fitsBcrypt = (text: string): boolean => textEncoder.encode(text).length <= passwordMaxBytes

/** bcrypt stops at NUL. U+FFFD stands where bytes were no UTF-8, whatever they were: as a password it would fit many. */
const isStorable = (text: string) => text.isWellFormed() && !/[\u0000\ufffd]/u.test(text)

/** A password to be checked: taken as it is, because trimming or normalizing would change it. */
export const Password = Schema.RedactedFromValue(
  Schema.String.annotate({
    message: "Password must be a string",
    format: "password",
    examples: ["Correct-horse-7"]
  }).check(
    Schema.makeFilter(fitsBcrypt, { expected: `at most ${passwordMaxBytes} bytes`, message: longMessage }),
    Schema.makeFilter(isStorable, { expected: "well-formed text", message: brokenMessage })
  )
)

interface Rule {
  readonly isKept: (password: string) => boolean
  readonly message: string
}

const atLeast = (characters: number): Rule => ({
  isKept: (password) => [...password].length >= characters,
  message: `Password must have at least ${characters} characters`
})

const contains = (pattern: RegExp, what: string): Rule => ({
  isKept: (password) => pattern.test(password),
  message: `Password must contain at least one ${what}`
})

/** What each policy wants. Another rule is another message. */
export const passwordRules = {
  composition: [
    atLeast(8),
    contains(/\p{Lu}/u, "uppercase letter"),
    contains(/\p{Ll}/u, "lowercase letter"),
    contains(/\p{Nd}/u, "number"),
    contains(/[^\p{L}\p{Nd}\s]/u, "special character")
  ],
  /** NIST SP 800-63B-4: length instead of composition. */
  nist: [atLeast(15)]
} satisfies Record<string, ReadonlyArray<Rule>>

export const broken = (rules: ReadonlyArray<Rule>, password: string): ReadonlyArray<string> =>
  rules.filter(({ isKept }) => !isKept(password)).map(({ message }) => message)

/**
 * What a new password lacks, in words; nothing if it will do. A reference, because it is a setting of the server, and yet
 * is to be told together with all else that is wrong with a request.
 */
export const PasswordPolicy = Context.Reference<(password: string) => Effect.Effect<ReadonlyArray<string>>>(
  "@parley/domain/PasswordPolicy",
  { defaultValue: () => (password) => Effect.succeed(broken(passwordRules.composition, password)) }
)

const always: ReadonlyArray<Rule> = [
  { isKept: fitsBcrypt, message: longMessage },
  { isKept: isStorable, message: brokenMessage }
]

/** For readers of the document: so much is true of every policy. */
const documented = Schema.makeFilter(() => true, { toJsonSchema: () => ({ minLength: 8 }) })

/** A password to be set. Each rule has its own message, and all broken rules are told at once. */
export const NewPassword = Schema.RedactedFromValue(
  Schema.String.annotate({
    message: "Password must be a string",
    format: "password",
    description:
      "At least 8 characters with an uppercase letter, a lowercase letter, a number and a special character " +
      "(any that is no letter, digit or space); or, if the server is set so, just at least 15 characters. At most " +
      "72 bytes, and none of the most common passwords, nor Parley's name.",
    examples: ["Correct-horse-7"]
  })
    .check(documented)
    .pipe(
      Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transformEffect({
          decode: Effect.fnUntraced(function* (password: string) {
            const problems = yield* (yield* PasswordPolicy)(password)
            const [first, ...more] = [...problems, ...broken(always, password)].map(
              (message) => new SchemaIssue.InvalidValue({ message })
            )
            if (first === undefined) return password
            return yield* Effect.fail(new SchemaIssue.Composite(Schema.String.ast, [first, ...more]))
          }),
          encode: Effect.succeed
        })
      )
    )
)
