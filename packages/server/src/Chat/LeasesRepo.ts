import { MessageId, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import * as CallsRepo from "./CallsRepo.ts"

/** How long a lease outlives a server that crashed. Seconds. */
export const leaseSeconds = 30

/** A lease with less than this left is renewed. Seconds. */
const renewalSeconds = 20

export const Lease = Schema.Struct({ sessionId: SessionId, token: Schema.String })
export type Lease = typeof Lease.Type

const Spent = Schema.Struct({ spent: Schema.Array(CallsRepo.Call) })

/** A lease that is to be given back, and what is to be accounted then. */
const Debt = Schema.Struct({ ...Lease.fields, ...Spent.fields })
export type Debt = typeof Debt.Type

const Owned = Schema.Struct({ sessionId: SessionId, userId: UserId })

/** Each method is one statement. The clock of a lease is the database's. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const expiry = sql`now() + make_interval(secs => ${leaseSeconds})`

  return {
    /**
     * Nothing when there is no such session of this user; else whether the lease was to be had. It is not, when somebody
     * holds it, the message is stored already, or the user's month has cost its limit. The session is locked first, else
     * one that is just being deleted would be seen without being there.
     */
    take: SqlSchema.findOneOption({
      Request: Schema.Struct({
        ...Owned.fields,
        token: Schema.String,
        messageId: Schema.NullOr(MessageId),
        monthlyLimitEur: Schema.Finite
      }),
      Result: Schema.Struct({ taken: Schema.Boolean, ...CallsRepo.Budget.fields }),
      execute: ({ messageId, monthlyLimitEur, sessionId, token, userId }) => sql`
        WITH ${CallsRepo.budget(sql)(userId, monthlyLimitEur)}, found AS (
          SELECT session_id FROM sessions WHERE session_id = ${sessionId} AND user_id = ${userId} FOR NO KEY UPDATE
        ), leased AS (
          UPDATE sessions s SET lease_token = ${token}, lease_expires_at = ${expiry}
          FROM found, budget WHERE s.session_id = found.session_id AND NOT budget.over_budget
            AND (s.lease_expires_at IS NULL OR s.lease_expires_at <= now())
            AND NOT EXISTS (SELECT FROM messages WHERE session_id = ${sessionId} AND id = ${messageId}::uuid)
          RETURNING s.session_id
        )
        SELECT EXISTS (SELECT FROM leased) AS taken, budget.*, ${CallsRepo.resetsIn(sql)} AS resets_in
        FROM found, budget`
    }),

    /** Renews those that need it, and gives the tokens of those that are still held. */
    keep: SqlSchema.findAll({
      Request: Schema.Array(Lease),
      Result: Schema.Struct({ lease_token: Schema.String }),
      execute: (leases) => {
        const held = sql`session_id = ANY(${leases.map(({ sessionId }) => sessionId)}::uuid[])
          AND lease_token = ANY(${leases.map(({ token }) => token)}::uuid[])`
        // Rows that somebody else works on can wait for the next time: who locks many must not wait for any.
        return sql`
          WITH renewed AS (
            UPDATE sessions SET lease_expires_at = ${expiry}
            WHERE session_id IN (
              SELECT session_id FROM sessions
              WHERE ${held} AND lease_expires_at < now() + make_interval(secs => ${renewalSeconds})
              FOR UPDATE SKIP LOCKED
            )
          )
          SELECT lease_token FROM sessions WHERE ${held}`
      }
    }),

    /**
     * Writes what was spent under a lease, if it is still held, and frees the session: once, however often it is sent.
     * Nothing when the lease was no longer held.
     */
    release: SqlSchema.findOneOption({
      Request: Debt,
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ sessionId, spent, token }) => sql`
        WITH freed AS (
          UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL
          WHERE session_id = ${sessionId} AND lease_token = ${token}
          RETURNING session_id, user_id
        ), spent AS (
          INSERT INTO usage (user_id, session_id, model, input_tokens, output_tokens, cost_eur, estimated)
          SELECT f.user_id, f.session_id, c.* FROM freed f, ${CallsRepo.rows(sql)(spent)}
          RETURNING user_id, cost_eur
        ), added AS (${CallsRepo.addUp(sql)})
        SELECT session_id FROM freed`
    }),

    /**
     * Writes what was spent under a lease that is lost; nothing, when the account is gone. It is locked before its month,
     * as by its deletion: the other way round they would meet in a deadlock.
     */
    account: SqlSchema.void({
      Request: Schema.Struct({ ...Owned.fields, ...Spent.fields }),
      execute: ({ sessionId, spent, userId }) => sql`
        WITH owner AS (
          SELECT id FROM users WHERE id = ${userId} FOR KEY SHARE
        ), spent AS (
          INSERT INTO usage (user_id, session_id, model, input_tokens, output_tokens, cost_eur, estimated)
          SELECT o.id, ${sessionId}::uuid, c.* FROM owner o, ${CallsRepo.rows(sql)(spent)}
          RETURNING user_id, cost_eur
        ) ${CallsRepo.addUp(sql)}`
    }),

    /** Takes the lease from whoever holds it. Nothing when there is no such session; else the token of that lease. */
    revoke: SqlSchema.findOneOption({
      Request: Owned,
      Result: Schema.Struct({ revoked: Schema.NullOr(Schema.String) }),
      execute: ({ sessionId, userId }) => sql`
        WITH found AS (
          SELECT session_id, CASE WHEN lease_expires_at > now() THEN lease_token END AS revoked FROM sessions
          WHERE session_id = ${sessionId} AND user_id = ${userId} FOR UPDATE
        ), freed AS (
          UPDATE sessions s SET lease_token = NULL, lease_expires_at = NULL
          FROM found WHERE s.session_id = found.session_id AND found.revoked IS NOT NULL
        )
        SELECT revoked FROM found`
    })
  }
})
