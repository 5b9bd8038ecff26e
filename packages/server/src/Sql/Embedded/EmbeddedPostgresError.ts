import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** The embedded PostgreSQL cannot be had. `message` is written for the person at the terminal. */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  message: Schema.String
}) {}

const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

export const failure = (message: string): EmbeddedPostgresError => new EmbeddedPostgresError({ message })

/** Runs one step of I/O; when it fails the message is "<what>: <reason>". */
export const attempt = <A>(what: string, step: () => A | Promise<A>): Effect.Effect<A, EmbeddedPostgresError> =>
  Effect.tryPromise({
    try: async () => step(),
    catch: (cause) => failure(`${what}: ${reason(cause)}`)
  })

/** The end of a log or of a program's output, short enough for a terminal. */
export const tail = (text: string): string => text.trimEnd().split("\n").slice(-15).join("\n")
