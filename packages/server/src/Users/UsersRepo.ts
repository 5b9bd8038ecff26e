import { User, UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const PasswordHash = Schema.RedactedFromValue(Schema.String)

/** A user as stored: with the hash of the password. */
export const StoredUser = Schema.Struct({
  ...User.fields,
  created_at: Schema.DateTimeUtcFromDate,
  updated_at: Schema.DateTimeUtcFromDate,
  hashed_password: PasswordHash
})
export type StoredUser = typeof StoredUser.Type

/** A user, if the password's hash is still the one that was read. */
const Read = Schema.Struct({ id: UserId, read: PasswordHash })

export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    insert: SqlSchema.findOneOption({
      Request: StoredUser,
      Result: StoredUser,
      execute: (user) => sql`INSERT INTO users ${sql.insert(user)}
        ON CONFLICT (email) DO NOTHING RETURNING *`
    }),
    findById: SqlSchema.findOneOption({
      Request: UserId,
      Result: StoredUser,
      execute: (id) => sql`SELECT * FROM users WHERE id = ${id}`
    }),
    findByEmail: SqlSchema.findOneOption({
      Request: Schema.String,
      Result: StoredUser,
      execute: (email) => sql`SELECT * FROM users WHERE email = ${email}`
    }),
    renewPasswordHash: SqlSchema.void({
      Request: Schema.Struct({ ...Read.fields, hash: PasswordHash }),
      execute: ({ hash, id, read }) =>
        sql`UPDATE users SET hashed_password = ${hash} WHERE id = ${id} AND hashed_password = ${read}`
    }),
    changePassword: SqlSchema.findOneOption({
      Request: Schema.Struct({ ...Read.fields, hash: PasswordHash, updated_at: Schema.DateTimeUtcFromDate }),
      Result: StoredUser,
      execute: ({ hash, id, read, updated_at }) => sql`
        UPDATE users SET hashed_password = ${hash}, updated_at = ${updated_at}
        WHERE id = ${id} AND hashed_password = ${read} RETURNING *`
    }),
    changeEmail: SqlSchema.findOneOption({
      Request: Schema.Struct({ ...Read.fields, email: Schema.String, updated_at: Schema.DateTimeUtcFromDate }),
      Result: StoredUser,
      execute: ({ email, id, read, updated_at }) => sql`
        UPDATE users SET email = ${email}, updated_at = ${updated_at}
        WHERE id = ${id} AND hashed_password = ${read} RETURNING *`
    }),
    transaction: sql.withTransaction,
    /**
     * To be done first in the transaction of a deletion. A turn that commits holds its session and then wants its user:
     * a deletion that held the user and then wanted the session would meet it in a deadlock.
     */
    holdSessions: SqlSchema.void({
      Request: UserId,
      execute: (id) => sql`SELECT FROM sessions WHERE user_id = ${id} FOR UPDATE`
    }),
    /** What belongs to the user goes by foreign keys, and by the trigger on sessions. */
    delete: SqlSchema.findOneOption({
      Request: Read,
      Result: Schema.Struct({ id: UserId }),
      execute: ({ id, read }) => sql`DELETE FROM users WHERE id = ${id} AND hashed_password = ${read} RETURNING id`
    })
  }
})
