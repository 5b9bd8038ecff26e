import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { DatabaseSync } from "node:sqlite"
import { type EmbeddedPostgresError, attempt, failure } from "./EmbeddedPostgresError.ts"

/**
 * Locks between processes. Node's standard library has no flock, but it has SQLite, and SQLite locks its files
 * through the kernel: the lock ends with the process that holds it, `kill -9` and power cuts included, so there is no
 * such thing as a stale one. The files stay empty.
 */
const sqliteBusy = 5

const isBusy = (cause: unknown): boolean => cause instanceof Error && "errcode" in cause && cause.errcode === sqliteBusy

const lock = (path: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE")
    return database
  } catch (cause) {
    database.close()
    if (isBusy(cause)) return undefined
    throw cause
  }
}

/** Takes the lock for as long as the scope is open. `false` when another process has it. */
export const tryHold = (path: string): Effect.Effect<boolean, EmbeddedPostgresError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(`cannot lock ${path}, which must be writable`, () => lock(path)),
    (database) => Effect.sync(() => database?.close())
  ).pipe(Effect.map((database) => database !== undefined))

/** Waits for the lock: the kernel tells nobody when a lock becomes free, so this asks again and again. */
export const hold = (path: string): Effect.Effect<void, EmbeddedPostgresError, Scope.Scope> =>
  tryHold(path).pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (held) => held }),
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => Effect.fail(failure(`another process has held ${path} for 60 seconds`))
    }),
    Effect.asVoid
  )
