/** One process at a time. */
import { Effect, Schedule, Schema } from "effect"
import { DatabaseSync } from "node:sqlite"

export class LockFailed extends Schema.TaggedError<LockFailed>()("LockFailed", {
  path: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.path} cannot be locked: ${this.reason}`
  }
}

const sqliteBusy = 5

/** Nothing, where another has it. Node has no flock, but SQLite, which locks its files through the kernel. */
const lock = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
    return database
  } catch (cause) {
    database.close()
    if (cause instanceof Error && "errcode" in cause && cause.errcode === sqliteBusy) return undefined
    throw cause
  }
}

/**
 * Takes the lock until the scope closes; `false` while another has it. It ends with the process, however that ends, so
 * that none is ever left behind; the file stays, and stays empty.
 */
export const tryHold = (path: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => lock(path),
        catch: (cause) => new LockFailed({ path, reason: cause instanceof Error ? cause.message : String(cause) })
      }),
      (database) => Effect.sync(() => database?.close())
    ),
    (database) => database !== undefined
  )

/** Waits for it: `false` when another has it for longer. The kernel tells nobody that one is free. */
export const hold = (path: string, seconds: number) =>
  Effect.repeat(tryHold(path), {
    until: (held) => held,
    schedule: Schedule.max([Schedule.spaced("100 millis"), Schedule.recurs(seconds * 10)])
  }).pipe(Effect.map((found) => found === true))
