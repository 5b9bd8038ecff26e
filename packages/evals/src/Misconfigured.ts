import { Runtime, Schema } from "effect"

/** Nothing was evaluated, because something must be mended first; `message` says what. */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 2
}
