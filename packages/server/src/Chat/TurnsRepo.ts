import { Message, MessageId, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema, Statement } from "effect/sql"
import * as CallsRepo from "./CallsRepo.ts"
import { Lease } from "./LeasesRepo.ts"

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

/** The table, of the statement that writes a turn, that is empty when the lease was lost. */
export const fence = "fenced"

/** What turns leave behind. Each method is one statement. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows = CallsRepo.rows(sql)
  const addUp = CallsRepo.addUp(sql)

  return {
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
            coalesce(sum(input_tokens), 0)::float8 AS input_tokens,
            coalesce(sum(output_tokens), 0)::float8 AS output_tokens, coalesce(sum(cost_eur), 0)::float8 AS cost_eur
          FROM usage WHERE session_id = m.session_id AND message_id = a.id
        ) u
        WHERE m.session_id = ${sessionId} AND s.user_id = ${userId} AND m.id = ${messageId}`
    }),

    /**
     * Writes both messages, what they took and what the agent remembers of them, names a nameless session and gives the
     * lease back. Nothing is written, and nothing returned, when the lease was lost.
     */
    write: SqlSchema.findOneOption({
      Request: Schema.Struct({
        ...Lease.fields,
        name: Schema.String,
        question: NewMessage,
        answer: NewMessage,
        calls: Schema.Array(CallsRepo.Call),
        remembered: Schema.declare(Statement.isFragment)
      }),
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ answer, calls, name, question, remembered, sessionId, token }) => sql`
        WITH ${sql(fence)} AS (
          UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL,
            name = CASE WHEN name = '' THEN ${name} ELSE name END
          WHERE session_id = ${sessionId} AND lease_token = ${token}
          RETURNING session_id, user_id
        ), said AS (
          INSERT INTO messages (session_id, id, role, content, timestamp)
          SELECT f.session_id, m.id, m.role, m.content, m.timestamp
          FROM ${sql(fence)} f, (VALUES
            (1, ${question.id}::uuid, 'user', ${question.content}, ${question.timestamp}::timestamptz),
            (2, ${answer.id}::uuid, 'assistant', ${answer.content}, ${answer.timestamp}::timestamptz)
          ) AS m (turn, id, role, content, timestamp)
          ORDER BY m.turn
        ), spent AS (
          INSERT INTO usage (user_id, session_id, message_id, model, input_tokens, output_tokens, cost_eur, estimated)
          SELECT f.user_id, f.session_id, ${answer.id}::uuid, c.* FROM ${sql(fence)} f, ${rows(calls)}
          RETURNING user_id, cost_eur
        ), added AS (${addUp}), ${remembered}
        SELECT session_id FROM ${sql(fence)}`
    })
  }
})
