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
    replacePasswordHash: SqlSchema.void({
      Request: Schema.Struct({ id: UserId, read: PasswordHash, hash: PasswordHash }),
      execute: ({ hash, id, read }) =>
        sql`UPDATE users SET hashed_password = ${hash} WHERE id = ${id} AND hashed_password = ${read}`
    })
  }
})
