/**
 * `PgClient`, but nobody waits in vain: `PgClient` has a limit for connecting and none for an answer, and PostgreSQL's
 * own limits are of no use when it stands still. Knows no `listen` and no `json`.
 */
import { PgClient, type PgConnection, PgPool } from "@effect/sql-pg"
import { Duration, Effect, Fiber, Layer, Predicate } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"

export interface Config extends PgPool.Config {
  /** For a connection and the answer to a statement. What is streamed may take longer, once it has a connection. */
  readonly answerTimeout: Duration.Input
}

const lost = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({ cause: new Error("The database does not answer"), operation: "query" })
})

export const make = Effect.fnUntraced(function* ({ answerTimeout, ...config }: Config) {
  const pool = yield* PgPool.make(config)
  const timeoutMillis = Duration.toMillis(Duration.fromInputUnsafe(answerTimeout))
  const silent = new WeakSet<SqlConnection.Connection>()

  /**
   * Goes on when the time is over, also where nothing can be interrupted, and does not wait for the end of what is late:
   * the driver takes seconds to give a connection up. Its timers run in real time, and so does this one.
   */
  const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, onSilence: Effect.Effect<void> = Effect.void) =>
    Effect.flatMap(Effect.context<R>(), (context) =>
      Effect.callback<A, E | SqlError.SqlError>((resume) => {
        const fiber = Effect.runForkWith(context)(effect)
        const timer = setTimeout(() => {
          resume(Effect.andThen(onSilence, lost))
          fiber.interruptUnsafe()
        }, timeoutMillis)
        fiber.addObserver((exit) => {
          clearTimeout(timer)
          resume(exit)
        })
        return Fiber.interrupt(fiber)
      })
    )

  /** Its statements fail one by one; the connection, shared or not, is closed when the last of them has. */
  const borrow: SqlConnection.Borrower = (use) =>
    Effect.suspend(() => {
      let borrowed: PgConnection.PgConnection | undefined
      const used = pool.use((session) => {
        borrowed = session
        return use(unbounded(session))
      })
      return inTime(
        used,
        Effect.suspend(() => (borrowed === undefined ? Effect.void : pool.invalidate(borrowed)))
      )
    })

  /** A connection for one transaction, which ends with it when it falls silent: it is not even told to roll back. */
  const reserve = Effect.map(inTime(pool.reserve), (session) => {
    const { executeStream, ...statements } = unbounded(session)
    const fallSilent = Effect.sync(() => void silent.add(connection))
    const connection: SqlConnection.Connection = {
      execute: (...args) => inTime(statements.execute(...args), fallSilent),
      executeRaw: (...args) => inTime(statements.executeRaw(...args), fallSilent),
      executeValues: (...args) => inTime(statements.executeValues(...args), fallSilent),
      executeValuesUnprepared: (...args) => inTime(statements.executeValuesUnprepared(...args), fallSilent),
      executeUnprepared: (...args) => inTime(statements.executeUnprepared(...args), fallSilent),
      executeStream
    }
    return connection
  })

  return yield* SqlClient.make({
    acquirer: Effect.map(inTime(pool.get), unbounded),
    borrower: borrow,
    transactionAcquirer: reserve,
    isTransaction: (connection) => !silent.has(connection),
    commit,
    compiler: PgClient.makeCompiler(),
    driver: "pg",
    prepareTransactionControls: true,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "postgresql"]]
  })
})

const unbounded = (session: PgConnection.PgConnection): SqlConnection.Connection => {
  const rows = (sql: string, params: ReadonlyArray<unknown>, prepare: boolean) =>
    Effect.map(session.query(sql, params, prepare), (result) => result.rows)
  return {
    execute: (sql, params) => rows(sql, params, true),
    executeRaw: (sql, params) => session.query(sql, params),
    executeValues: (sql, params) => session.queryValues(sql, params),
    executeValuesUnprepared: (sql, params) => session.queryValues(sql, params, false),
    executeUnprepared: (sql, params) => rows(sql, params, false),
    executeStream: (sql, params) => session.stream(sql, params)
  }
}

/** PostgreSQL ends a transaction in which a statement failed with ROLLBACK, and that is no error to it. */
const commit = (connection: SqlConnection.Connection) =>
  Effect.flatMap(connection.executeRaw("COMMIT", []), (result) => {
    if (!Predicate.hasProperty(result, "command") || result.command !== "ROLLBACK") return Effect.void
    const message = "COMMIT rolled back an aborted transaction"
    return new SqlError.SqlError({
      reason: new SqlError.UnknownError({ cause: new Error(message), message, operation: "commit" })
    })
  })

export const layerFrom = <E, R>(client: Effect.Effect<SqlClient.SqlClient, E, R>) =>
  Layer.provide(Layer.effect(SqlClient.SqlClient, client), Reactivity.layer)
