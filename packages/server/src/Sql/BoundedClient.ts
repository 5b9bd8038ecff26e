/**
 * `PgClient`, but nobody waits in vain: `PgClient` has a limit for connecting and none for an answer, and PostgreSQL's
 * own limits are of no use when it stands still. Knows no `listen` and no `json`.
 */
import { PgClient, type PgConnection, PgPool } from "@effect/sql-pg"
import { Cause, type Context, Duration, Effect, Exit, Fiber, Layer, Option, Predicate } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError } from "effect/sql"
import { Metrics } from "../Telemetry/Metrics.ts"
import { takesNoWrites } from "./isUnreachable.ts"
import * as Measured from "./measured.ts"

export interface Config extends PgPool.Config {
  /**
   * For how long nothing may come: of the connection a statement is on, or of all of them while it waits for one. Many
   * statements at once may so take longer together; what is streamed may, once it has a connection.
   */
  readonly answerTimeout: Duration.Input
}

const lost = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({ cause: new Error("The database does not answer"), operation: "query" })
})

/** A connection, or all of them. */
interface Source {
  answers: number
}

interface Wait {
  /** Whose answers show that it is not in vain. */
  source: Source
  heard: number
  silentTicks: number
  readonly giveUp: () => void
}

/** Looks so often, within a time-out, whether something came: a server that was busy itself does not blame the database. */
const ticks = 5

/**
 * Of the event loop's turn, for all that wait in it: the driver sends in one write what it is given at once, and requests
 * come many in a turn.
 */
const makeEndOfTurn = (): Effect.Effect<void> => {
  let waiting: Array<(effect: Effect.Effect<void>) => void> = []
  const resumeAll = () => {
    const resumes = waiting
    waiting = []
    for (const resume of resumes) resume(Effect.void)
  }
  return Effect.callback((resume) => {
    if (waiting.push(resume) === 1) setImmediate(resumeAll)
  })
}

export const make = Effect.fnUntraced(function* ({ answerTimeout, ...config }: Config) {
  const pool = yield* PgPool.make({ ...config, idleTimeout: Measured.idleMillis })
  const silent = new WeakSet<SqlConnection.Connection>()
  const everything: Source = { answers: 0 }
  const endOfTurn = makeEndOfTurn()
  const sources = new WeakMap<PgConnection.PgConnection, Source>()
  const sourceOf = (session: PgConnection.PgConnection): Source => {
    const source = sources.get(session) ?? { answers: 0 }
    sources.set(session, source)
    return source
  }

  const waits = new Set<Wait>()
  const measured = yield* Measured.make(yield* Metrics, () => {
    let pending = 0
    for (const { source } of waits) if (source === everything) pending++
    return pending
  })
  const discard = (session: PgConnection.PgConnection) =>
    Effect.andThen(measured.closed(session), pool.invalidate(session))
  const unbounded = connectionOf(measured, discard)
  const look = () => {
    for (const wait of waits) {
      if (wait.heard !== wait.source.answers) {
        wait.heard = wait.source.answers
        wait.silentTicks = 0
      } else if (++wait.silentTicks >= ticks) wait.giveUp()
    }
  }
  // The driver's timers run in real time, and so does this one.
  const tickMillis = Duration.toMillis(Duration.fromInputUnsafe(answerTimeout)) / ticks
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(look, tickMillis)),
    (timer) => Effect.sync(() => clearInterval(timer))
  )

  /**
   * Goes on when the time is over, also where nothing can be interrupted, and does not wait for the end of what is late:
   * the driver takes seconds to give a connection up. `isOn` is told the connection when there is one.
   */
  const inTime = <A, E, R>(
    source: Source,
    effect: (isOn: (source: Source) => void) => Effect.Effect<A, E, R>,
    onSilence: Effect.Effect<void> = Effect.void
  ) =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.callback<A, E | SqlError.SqlError>((resume) => {
        const wait: Wait = {
          source,
          heard: source.answers,
          silentTicks: 0,
          giveUp: () => {
            waits.delete(wait)
            resume(Effect.andThen(onSilence, lost))
            fiber.interruptUnsafe()
          }
        }
        const isOn = (connection: Source) => {
          wait.source = connection
          wait.heard = connection.answers
          wait.silentTicks = 0
        }
        waits.add(wait)
        const fiber = Effect.runForkWith(context)(effect(isOn))
        fiber.addObserver((exit) => {
          waits.delete(wait)
          if (Exit.isSuccess(exit) && wait.source !== everything) {
            wait.source.answers++
            everything.answers++
          }
          resume(exit)
        })
        return Effect.andThen(
          Effect.sync(() => waits.delete(wait)),
          Fiber.interrupt(fiber)
        )
      })
    )

  /** Its statements fail one by one; the connection, shared or not, is closed when the last of them has. */
  const borrow: SqlConnection.Borrower = (use) =>
    Effect.flatMap(endOfTurn, () => {
      let borrowed: PgConnection.PgConnection | undefined
      return inTime(
        everything,
        (isOn) =>
          pool.use((session) => {
            borrowed = session
            isOn(sourceOf(session))
            const known = measured.enter(session)
            return Effect.onExit(use(unbounded(session)), () => {
              measured.leave(known)
              return Effect.void
            })
          }),
        Effect.suspend(() => (borrowed === undefined ? Effect.void : discard(borrowed)))
      )
    })

  /** A connection for one transaction, which ends with it when it falls silent: it is not even told to roll back. */
  const reserve = Effect.map(
    Effect.tap(
      inTime(everything, () => pool.reserve),
      measured.reserved
    ),
    (session) => {
      const { executeStream, ...statements } = unbounded(session)
      const bounded = <A, E>(statement: Effect.Effect<A, E>) =>
        inTime(
          sourceOf(session),
          () => statement,
          Effect.andThen(
            Effect.sync(() => silent.add(connection)),
            discard(session)
          )
        )
      const connection: SqlConnection.Connection = {
        execute: (...args) => bounded(statements.execute(...args)),
        executeRaw: (...args) => bounded(statements.executeRaw(...args)),
        executeValues: (...args) => bounded(statements.executeValues(...args)),
        executeValuesUnprepared: (...args) => bounded(statements.executeValuesUnprepared(...args)),
        executeUnprepared: (...args) => bounded(statements.executeUnprepared(...args)),
        executeStream
      }
      return connection
    }
  )

  return yield* SqlClient.make({
    acquirer: Effect.map(
      Effect.tap(
        inTime(everything, () => pool.get),
        measured.reserved
      ),
      unbounded
    ),
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

const connectionOf =
  ({ timed }: Measured.Measured, discard: (session: PgConnection.PgConnection) => Effect.Effect<void>) =>
  (session: PgConnection.PgConnection): SqlConnection.Connection => {
    /** After a failover a new connection finds the server that takes writes; this one never will. */
    const ended = (exit: Exit.Exit<unknown, SqlError.SqlError>) =>
      Exit.isFailure(exit) && Option.exists(Cause.findErrorOption(exit.cause), takesNoWrites)
        ? discard(session)
        : Effect.void
    const run = <A>(sql: string, statement: Effect.Effect<A, SqlError.SqlError>) => timed(sql, statement, ended)
    const rows = (sql: string, params: ReadonlyArray<unknown>, prepare: boolean) =>
      Effect.map(run(sql, session.query(sql, params, prepare)), (result) => result.rows)
    return {
      execute: (sql, params) => rows(sql, params, true),
      executeRaw: (sql, params) => run(sql, session.query(sql, params)),
      executeValues: (sql, params) => run(sql, session.queryValues(sql, params)),
      executeValuesUnprepared: (sql, params) => run(sql, session.queryValues(sql, params, false)),
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
