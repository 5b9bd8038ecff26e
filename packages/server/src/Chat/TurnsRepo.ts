import { Message, MessageId, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** How long a lease outlives a server that crashed. A living one renews it in time. Seconds. */
export const leaseSeconds = 30

const Lease = Schema.Struct({ sessionId: SessionId, token: Schema.String })
export type Lease = typeof Lease.Type

/** A message by its id, with the one after it and what that took: of a question, that is its answer. */
const Known = Schema.Struct({
  content: Schema.String,
  role: Message.fields.role,
  answer_id: MessageId,
  answer_content: Schema.String,
  answer_timestamp: Schema.DateTimeUtcFromDate,
  model: Schema.String,
  input_tokens: Schema.Int,
  output_tokens: Schema.Int,
  cost_eur: Schema.Finite
})
export type Known = typeof Known.Type

const NewMessage = Schema.Struct({ id: MessageId, content: Schema.String, timestamp: Schema.DateTimeUtcFromDate })

const Call = Schema.Struct({
  model: Schema.String,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  costEur: Schema.Finite
})

/** Leases and the writing of turns. Each method is one statement; the lease's clock is the database's. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const expiry = sql`now() + make_interval(secs => ${leaseSeconds})`

  return {
    transaction: sql.withTransaction,

    /** Nothing when there is no such session of this user; else whether the lease was to be had. */
    lease: SqlSchema.findOneOption({
      Request: Schema.Struct({ ...Lease.fields, userId: UserId }),
      Result: Schema.Struct({ leased: Schema.Boolean }),
      execute: ({ sessionId, token, userId }) => sql`
        WITH leased AS (
          UPDATE sessions SET lease_token = ${token}, lease_expires_at = ${expiry}
          WHERE session_id = ${sessionId} AND user_id = ${userId}
            AND (lease_expires_at IS NULL OR lease_expires_at <= now())
          RETURNING session_id
        )
        SELECT EXISTS (SELECT FROM leased) AS leased FROM sessions
        WHERE session_id = ${sessionId} AND user_id = ${userId}`
    }),

    /** Nothing when the lease was lost. */
    renew: SqlSchema.findOneOption({
      Request: Lease,
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ sessionId, token }) => sql`
        UPDATE sessions SET lease_expires_at = ${expiry}
        WHERE session_id = ${sessionId} AND lease_token = ${token} RETURNING session_id`
    }),

    release: SqlSchema.void({
      Request: Lease,
      execute: ({ sessionId, token }) => sql`
        UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL
        WHERE session_id = ${sessionId} AND lease_token = ${token}`
    }),

    /** Takes the lease from whoever holds it. Nothing when there is no such session; else whether a turn was running. */
    revoke: SqlSchema.findOneOption({
      Request: Schema.Struct({ sessionId: SessionId, userId: UserId }),
      Result: Schema.Struct({ running: Schema.Boolean }),
      execute: ({ sessionId, userId }) => sql`
        WITH revoked AS (
          UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL
          WHERE session_id = ${sessionId} AND user_id = ${userId} AND lease_expires_at > now()
          RETURNING session_id
        )
        SELECT EXISTS (SELECT FROM revoked) AS running FROM sessions
        WHERE session_id = ${sessionId} AND user_id = ${userId}`
    }),

    find: SqlSchema.findOneOption({
      Request: Schema.Struct({ sessionId: SessionId, userId: UserId, messageId: MessageId }),
      Result: Known,
      execute: ({ messageId, sessionId, userId }) => sql`
        SELECT m.content, m.role, coalesce(a.id, m.id) AS answer_id, coalesce(a.content, '') AS answer_content,
          coalesce(a.timestamp, m.timestamp) AS answer_timestamp, u.*
        FROM messages m
        JOIN sessions s USING (session_id)
        LEFT JOIN LATERAL (
          SELECT * FROM messages WHERE session_id = m.session_id AND position > m.position ORDER BY position LIMIT 1
        ) a ON true
        CROSS JOIN LATERAL (
          SELECT coalesce((array_agg(model ORDER BY id DESC))[1], '') AS model,
            coalesce(sum(input_tokens), 0)::integer AS input_tokens,
            coalesce(sum(output_tokens), 0)::integer AS output_tokens, coalesce(sum(cost_eur), 0)::float8 AS cost_eur
          FROM usage WHERE session_id = m.session_id AND message_id = a.id
        ) u
        WHERE m.session_id = ${sessionId} AND s.user_id = ${userId} AND m.id = ${messageId}`
    }),

    /**
     * Writes both messages and what they took, names a nameless session and gives the lease back. Nothing is written,
     * and nothing returned, when the lease was lost.
     */
    write: SqlSchema.findOneOption({
      Request: Schema.Struct({
        ...Lease.fields,
        name: Schema.String,
        question: NewMessage,
        answer: NewMessage,
        calls: Schema.Array(Call)
      }),
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ answer, calls, name, question, sessionId, token }) => sql`
        WITH fenced AS (
          UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL,
            name = CASE WHEN name = '' THEN ${name} ELSE name END
          WHERE session_id = ${sessionId} AND lease_token = ${token}
          RETURNING session_id, user_id
        ), said AS (
          INSERT INTO messages (session_id, id, role, content, timestamp)
          SELECT f.session_id, m.id, m.role, m.content, m.timestamp
          FROM fenced f, (VALUES
            (1, ${question.id}::uuid, 'user', ${question.content}, ${question.timestamp}::timestamptz),
            (2, ${answer.id}::uuid, 'assistant', ${answer.content}, ${answer.timestamp}::timestamptz)
          ) AS m (turn, id, role, content, timestamp)
          ORDER BY m.turn
        ), spent AS (
          INSERT INTO usage (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur)
          SELECT f.user_id, f.session_id, ${answer.id}::uuid, c.model, c.input_tokens, c.output_tokens, c.cost_eur
          FROM fenced f, unnest(
            ${calls.map((call) => call.model)}::text[], ${calls.map((call) => call.inputTokens)}::integer[],
            ${calls.map((call) => call.outputTokens)}::integer[], ${calls.map((call) => String(call.costEur))}::numeric[]
          ) AS c (model, input_tokens, output_tokens, cost_eur)
        )
        SELECT session_id FROM fenced`
    })
  }
})
