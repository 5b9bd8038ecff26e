import { Message, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({
  ...Message.fields,
  timestamp: Schema.DateTimeUtcFromDate,
  position: Schema.BigInt
})

/** The transcript. Turns write it; this reads and clears it. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    /** Oldest first, those after the cursor. */
    list: SqlSchema.findAll({
      Request: Schema.Struct({ userId: UserId, sessionId: SessionId, after: Schema.BigInt, limit: Schema.Int }),
      Result: Row,
      execute: ({ after, limit, sessionId, userId }) => sql`
        SELECT m.id, m.session_id, m.role, m.content, m.timestamp, m.position
        FROM messages m JOIN sessions s USING (session_id)
        WHERE m.session_id = ${sessionId} AND s.user_id = ${userId} AND m.position > ${after}
        ORDER BY m.position LIMIT ${limit}`
    }),
    clear: SqlSchema.void({
      Request: SessionId,
      execute: (sessionId) => sql`DELETE FROM messages WHERE session_id = ${sessionId}`
    })
  }
})
