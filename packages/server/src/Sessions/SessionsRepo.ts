import { Session, SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Row = Schema.Struct({ ...Session.fields, created_at: Schema.DateTimeUtcFromDate })

const Owned = Schema.Struct({ userId: UserId, sessionId: SessionId })

/** Every statement names the owner: somebody else's session is never touched, nor told from one that is not there. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const columns = sql.literal("session_id, name, created_at")

  return {
    insert: SqlSchema.void({
      Request: Schema.Struct({ ...Row.fields, user_id: UserId }),
      execute: (session) => sql`INSERT INTO sessions ${sql.insert(session)}`
    }),
    find: SqlSchema.findOneOption({
      Request: Owned,
      Result: Row,
      execute: ({ sessionId, userId }) =>
        sql`SELECT ${columns} FROM sessions WHERE session_id = ${sessionId} AND user_id = ${userId}`
    }),
    /** Newest first, those after the cursor. */
    list: SqlSchema.findAll({
      Request: Schema.Struct({
        userId: UserId,
        limit: Schema.Int,
        after: Schema.UndefinedOr(Schema.Tuple([Schema.DateTimeUtcFromDate, SessionId]))
      }),
      Result: Row,
      execute: ({ after, limit, userId }) => sql`
        SELECT ${columns} FROM sessions WHERE user_id = ${userId}
        ${after === undefined ? sql.literal("") : sql`AND (created_at, session_id) < (${after[0]}, ${after[1]})`}
        ORDER BY created_at DESC, session_id DESC LIMIT ${limit}`
    }),
    rename: SqlSchema.findOneOption({
      Request: Schema.Struct({ ...Owned.fields, name: Schema.String }),
      Result: Row,
      execute: ({ name, sessionId, userId }) => sql`
        UPDATE sessions SET name = ${name} WHERE session_id = ${sessionId} AND user_id = ${userId} RETURNING ${columns}`
    }),
    delete: SqlSchema.findOneOption({
      Request: Owned,
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ sessionId, userId }) =>
        sql`DELETE FROM sessions WHERE session_id = ${sessionId} AND user_id = ${userId} RETURNING session_id`
    }),
    transaction: sql.withTransaction,
    /** Ends the running turn's right to write, so that nothing of it comes back after the messages are gone. */
    endLease: SqlSchema.findOneOption({
      Request: Owned,
      Result: Schema.Struct({ session_id: SessionId }),
      execute: ({ sessionId, userId }) => sql`
        UPDATE sessions SET lease_token = NULL, lease_expires_at = NULL
        WHERE session_id = ${sessionId} AND user_id = ${userId} RETURNING session_id`
    })
  }
})
