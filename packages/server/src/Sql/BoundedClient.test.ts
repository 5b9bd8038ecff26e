import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import * as TestDatabase from "../../test/TestDatabase.ts"
import * as Wire from "../../test/Wire.ts"
import { isUnreachable, takesNoWrites } from "./isUnreachable.ts"

const answerTimeout = "300 millis"

/** How it ends, and whether that is in time, on a machine that is busy. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    const exit = yield* Effect.exit(Effect.orDie(effect))
    return { exit, millis: performance.now() - startedAt }
  })

const isOutage = ({ exit, millis }: { readonly exit: Exit.Exit<unknown>; readonly millis: number }) => {
  assert.isTrue(Exit.isFailure(exit) && isUnreachable(exit.cause), Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "")
  // It looks five times, the first at any moment, and timers are late on a busy machine.
  assert.isAtLeast(millis, 150)
  // The driver alone gives up after five seconds, or never.
  assert.isBelow(millis, 3_000)
}

for (const multiplex of [true, false])
  layer(Wire.layerPool({ multiplex, answerTimeout }).pipe(Layer.provideMerge(Wire.layer)), {
    excludeTestServices: true
  })(`a database that stands still, ${multiplex ? "its connections shared" : "each for one statement"},`, (it) => {
    const ready = Effect.gen(function* () {
      const wire = yield* Wire.Wire
      yield* wire.cut
      yield* wire.mend
      const sql = yield* SqlClient.SqlClient
      yield* Effect.eventually(sql`SELECT 1`)
      return { sql, wire }
    })

    it.effect("is lost for who asks it, and for a hundred more that wait for three connections", () =>
      Effect.gen(function* () {
        const { sql, wire } = yield* ready
        yield* wire.freeze
        for (const ended of yield* Effect.replicateEffect(timed(sql`SELECT 1`), 100, { concurrency: "unbounded" }))
          isOutage(ended)
        isOutage(yield* timed(sql.withTransaction(sql`SELECT 1`)))
      })
    )

    it.effect("is lost for a transaction, where it stands and where it would end", () =>
      Effect.gen(function* () {
        const { sql, wire } = yield* ready
        isOutage(yield* timed(sql.withTransaction(Effect.andThen(wire.freeze, sql`SELECT 1`))))
        yield* wire.cut
        yield* wire.mend
        isOutage(yield* timed(sql.withTransaction(Effect.andThen(sql`SELECT 1`, wire.freeze))))
      })
    )

    it.effect("is back as soon as it answers", () =>
      Effect.gen(function* () {
        const { sql, wire } = yield* ready
        yield* wire.freeze
        isOutage(yield* timed(sql`SELECT 1`))
        // The connections that fell silent stay so: they are not used again.
        yield* wire.mend
        assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
        assert.deepStrictEqual(yield* sql.withTransaction(sql`SELECT 1 AS one`), [{ one: 1 }])
      })
    )

    it.effect("leaves no transaction open behind it, also when somebody makes do without the answer", () =>
      Effect.gen(function* () {
        const { sql } = yield* ready
        const late = sql.withTransaction(Effect.ignore(sql`SELECT pg_sleep(0.6)`))
        yield* Effect.replicateEffect(Effect.exit(late), 3, { concurrency: "unbounded" })
        for (let times = 0; times < 10; times++) assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      })
    )

    it.effect("is not what is slow because many ask at once", () =>
      Effect.gen(function* () {
        const { sql } = yield* ready
        const slow = sql.withTransaction(sql`SELECT pg_sleep(0.05)`)
        const { exit, millis } = yield* timed(Effect.replicateEffect(slow, 60, { concurrency: "unbounded" }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.isAbove(millis, 900)
      })
    )

    it.effect("keeps nobody waiting who has gone", () =>
      Effect.gen(function* () {
        const { sql } = yield* ready
        const slow = yield* Effect.forkChild(sql`SELECT pg_sleep(0.1)`, { startImmediately: true })
        yield* Fiber.interrupt(slow)
        assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      })
    )
  })

for (const multiplex of [true, false])
  layer(TestDatabase.layerPool(1, multiplex), { excludeTestServices: true })(
    `a connection that may not write, ${multiplex ? "shared" : "for one statement"}, as to a server that was demoted,`,
    (it) => {
      const write = (sql: SqlClient.SqlClient) => sql`CREATE SEQUENCE IF NOT EXISTS written`
      const demote = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`SET default_transaction_read_only = on`
        return sql
      })

      it.effect("refuses one statement, and the next has a new one", () =>
        Effect.gen(function* () {
          const sql = yield* demote
          assert.isTrue(takesNoWrites(yield* Effect.flip(write(sql))))
          yield* write(sql)
        })
      )

      it.effect("refuses one transaction, and the next has a new one", () =>
        Effect.gen(function* () {
          const sql = yield* demote
          const refusal = yield* Effect.flip(sql.withTransaction(Effect.andThen(sql`SELECT 1`, write(sql))))
          assert.isTrue(takesNoWrites(refusal))
          yield* sql.withTransaction(write(sql))
        })
      )
    }
  )
