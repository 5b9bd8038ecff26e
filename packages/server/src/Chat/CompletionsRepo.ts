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

/** What completions took. Each method is one statement. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    /** Whether the user's month has cost its limit, and when the next one begins. */
    budget: SqlSchema.findOne({
      Request: Schema.Struct({ userId: UserId, monthlyLimitEur: Schema.Finite }),
      Result: CallsRepo.Budget,
      execute: ({ monthlyLimitEur, userId }) => sql`
        WITH ${CallsRepo.budget(sql)(userId, monthlyLimitEur)}
        SELECT budget.*, ${CallsRepo.resetsIn(sql)} AS resets_in FROM budget`
    }),

    /**
     * Writes what a completion took: its id stands where others have their session, and where they have their answer, if
     * there is one. Its calls are numbered, and each number is there once: whoever writes them again, also while a first
     * attempt has yet to commit, waits for that and adds nothing. Nothing either, when the account is gone, which is locked
     * before its month.
     */
    account: SqlSchema.void({
      Request: Debt,
      execute: ({ id, isAnswered, spent, userId }) => sql`
        WITH owner AS (
          SELECT id FROM users WHERE id = ${userId} FOR KEY SHARE
        ), spent AS (
          INSERT INTO usage
            (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur, estimated, ordinal)
          SELECT o.id, ${id}::uuid, ${isAnswered ? id : null}::uuid, c.*, row_number() OVER ()
          FROM owner o, ${CallsRepo.rows(sql)(spent)}
          ON CONFLICT (session_id, ordinal) WHERE ordinal IS NOT NULL DO NOTHING
          RETURNING user_id, cost_eur
        ) ${CallsRepo.addUp(sql)}`
    })
  }
})
