import { User, UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

/** A user as stored: with the hash of the password. */
export const StoredUser = Schema.Struct({
  ...User.fields,
  created_at: Schema.DateTimeUtcFromDate,
  updated_at: Schema.DateTimeUtcFromDate,
  hashed_password: Schema.RedactedFromValue(Schema.String)
})
export type StoredUser = typeof StoredUser.Type

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
    setPasswordHash: SqlSchema.void({
      Request: Schema.Struct({ id: UserId, hash: Schema.RedactedFromValue(Schema.String) }),
      execute: ({ hash, id }) => sql`UPDATE users SET hashed_password = ${hash} WHERE id = ${id}`
    })
  }
})
