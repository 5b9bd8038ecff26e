/** What is known of a pool and of its statements, for metrics. The driver tells neither. */
import type { PgConnection } from "@effect/sql-pg"
import { Clock, Effect, type Exit, type Scope } from "effect"
import { type Statement, statements } from "../Telemetry/Catalogue.ts"
import type { Metrics } from "../Telemetry/Metrics.ts"

/** After which the pool closes a connection that nobody uses. Given to it, because it does not tell when it does. */
export const idleMillis = 60_000

export interface Known {
  users: number
  usedAtMillis: number
}

const known = new Set<string>(statements)
const isKnown = (word: string): word is Statement => known.has(word)

/** The longest word of them; a statement may be very long. */
const firstWord = /^\s*([a-z]{4,8})\b/iu

export const statementOf = (sql: string): Statement => {
  const word = (firstWord.exec(sql)?.[1] ?? "").toLowerCase()
  return isKnown(word) ? word : "other"
}

export const make = Effect.fnUntraced(function* (metrics: Metrics["Service"], pending: () => number) {
  const clock = yield* Clock.Clock
  /** By the process that serves them, which a connection keeps, shared or not. */
  const connections = new Map<number, Known>()

  /** It is in use until `leave`. No effect, because it is done for every statement. */
  const enter = ({ processId }: PgConnection.PgConnection): Known => {
    const connection = connections.get(processId) ?? { users: 0, usedAtMillis: 0 }
    connections.set(processId, connection)
    connection.users++
    return connection
  }
  const leave = (connection: Known) => {
    connection.users--
    connection.usedAtMillis = clock.currentTimeMillisUnsafe()
  }

  yield* metrics.poolIs(() => {
    const closed = clock.currentTimeMillisUnsafe() - idleMillis
    let used = 0
    for (const [processId, { users, usedAtMillis }] of connections) {
      if (users > 0) used++
      else if (usedAtMillis <= closed) connections.delete(processId)
    }
    return { used, idle: connections.size - used, pending: pending() }
  })

  return {
    enter,
    leave,

    /** It is in use until the scope ends. */
    reserved: (session: PgConnection.PgConnection): Effect.Effect<Known, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.sync(() => enter(session)),
        (connection) => Effect.sync(() => leave(connection))
      ),

    /** Nobody will use it any more. */
    closed: ({ processId }: PgConnection.PgConnection) => Effect.sync(() => void connections.delete(processId)),

    timed: <A, E>(
      sql: string,
      statement: Effect.Effect<A, E>,
      ended: (exit: Exit.Exit<A, E>) => Effect.Effect<void>
    ): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const startedNanos = clock.monotonicTimeNanosUnsafe()
        return Effect.onExit(statement, (exit) => {
          metrics.statementEnded(statementOf(sql), Number(clock.monotonicTimeNanosUnsafe() - startedNanos) / 1e9)
          return ended(exit)
        })
      })
  }
})
export type Measured = Effect.Success<ReturnType<typeof make>>
