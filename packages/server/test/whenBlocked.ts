import { Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Starts something that has to wait for the transaction this is part of, and goes on when it does; or when it is over,
 * because it did not wait.
 */
export const whenBlocked = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const sql = yield* SqlClient.SqlClient
  const fiber = yield* Effect.forkDetach(effect)
  const blocked = sql`SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`
  yield* Effect.repeat(blocked, { until: (rows) => rows.length > 0 || fiber.pollUnsafe() !== undefined })
  return Fiber.join(fiber)
})

/** Waits until so many wait for this transaction, or for somebody who does; or the fiber is over. */
export const untilWaiting = Effect.fnUntraced(function* (count: number, fiber: Fiber.Fiber<unknown, unknown>) {
  const sql = yield* SqlClient.SqlClient
  const waiting = sql`
    WITH RECURSIVE waiting AS (
      SELECT pg_backend_pid() AS pid
      UNION SELECT l.pid FROM pg_locks l JOIN waiting w ON w.pid = ANY(pg_blocking_pids(l.pid)) WHERE NOT l.granted
    )
    SELECT FROM waiting WHERE pid <> pg_backend_pid()`
  yield* Effect.repeat(waiting, { until: ({ length }) => length >= count || fiber.pollUnsafe() !== undefined })
})
