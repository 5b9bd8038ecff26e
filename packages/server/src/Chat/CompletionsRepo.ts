import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import * as CallsRepo from "./CallsRepo.ts"

const Debt = Schema.Struct({
  userId: UserId,
  id: Schema.String,
  isAnswered: Schema.Boolean,
  spent: Schema.Array(CallsRepo.Call)
})
export type Debt = typeof Debt.Type

/** What completions took. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  /**
   * Writes what a completion took: its id stands where others have their session, and where they have their answer, if
   * there is one. Nothing, when that is written already, or the account is gone, which is locked before its month.
   */
  const account = SqlSchema.void({
    Request: Debt,
    execute: ({ id, isAnswered, spent, userId }) => sql`
      WITH owner AS (
        SELECT id FROM users WHERE id = ${userId}
          AND NOT EXISTS (SELECT FROM usage WHERE session_id = ${id}::uuid) FOR NO KEY UPDATE
      ), spent AS (
        INSERT INTO usage (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur, estimated)
        SELECT o.id, ${id}::uuid, ${isAnswered ? id : null}::uuid, c.* FROM owner o, ${CallsRepo.rows(sql)(spent)}
        RETURNING user_id, cost_eur
      ) ${CallsRepo.addUp(sql)}`
  })
  const lock = SqlSchema.void({
    Request: Debt,
    execute: ({ userId }) => sql`SELECT FROM users WHERE id = ${userId} FOR NO KEY UPDATE`
  })

  return {
    /** Whether the user's month has cost its limit, and when the next one begins. */
    budget: SqlSchema.findOne({
      Request: Schema.Struct({ userId: UserId, monthlyLimitEur: Schema.Finite }),
      Result: CallsRepo.Budget,
      execute: ({ monthlyLimitEur, userId }) => sql`
        WITH ${CallsRepo.budget(sql)(userId, monthlyLimitEur)}
        SELECT budget.*, ${CallsRepo.resetsIn(sql)} AS resets_in FROM budget`
    }),

    account,

    /**
     * The same of what may be written already, or be about to be: a connection that was given up may still commit. Its lock
     * is waited for first, in a statement of its own, because a statement sees only what was there when it began.
     */
    accountAgain: (debt: Debt) => sql.withTransaction(Effect.andThen(lock(debt), account(debt)))
  }
})
