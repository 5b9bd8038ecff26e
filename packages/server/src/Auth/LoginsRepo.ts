import { FamilyId, UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Owner = Schema.Struct({ family_id: FamilyId, user_id: UserId })

const NewToken = Schema.Struct({
  hash: Schema.Uint8Array,
  lifetimeSeconds: Schema.Finite
})

/** Logins and their refresh tokens. Times are the database's, so that several servers agree. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    /** A login with its first token. */
    open: SqlSchema.void({
      Request: Schema.Struct({ ...Owner.fields, ...NewToken.fields }),
      execute: ({ family_id, hash, lifetimeSeconds, user_id }) => sql`
        WITH family AS (
          INSERT INTO login_families (id, user_id) VALUES (${family_id}, ${user_id}) RETURNING id
        )
        INSERT INTO refresh_tokens (token_hash, family_id, expires_at)
        SELECT ${hash}, id, now() + make_interval(secs => ${lifetimeSeconds}) FROM family`
    }),

    /**
     * Uses a token up and puts the next in its place, in one statement: of any number at once, one gets a row.
     * Those that have expired go, so that a login does not grow for ever.
     */
    rotate: SqlSchema.findOneOption({
      Request: Schema.Struct({ usedHash: Schema.Uint8Array, ...NewToken.fields }),
      Result: Owner,
      execute: ({ hash, lifetimeSeconds, usedHash }) => sql`
        WITH used AS (
          UPDATE refresh_tokens t SET used_at = now()
          FROM login_families f
          WHERE t.token_hash = ${usedHash} AND t.used_at IS NULL AND t.expires_at > now()
            AND f.id = t.family_id AND f.revoked_at IS NULL
          RETURNING t.family_id, f.user_id
        ), next AS (
          INSERT INTO refresh_tokens (token_hash, family_id, expires_at)
          SELECT ${hash}, family_id, now() + make_interval(secs => ${lifetimeSeconds}) FROM used
        ), expired AS (
          DELETE FROM refresh_tokens t USING used WHERE t.family_id = used.family_id AND t.expires_at < now()
        )
        SELECT family_id, user_id FROM used`
    }),

    /**
     * Revokes the family of a used token that came back, unless it is the one used last and within the grace: then two
     * tabs of one browser merely raced. Gives the family when it was revoked.
     */
    revokeReused: SqlSchema.findOneOption({
      Request: Schema.Struct({ hash: Schema.Uint8Array, graceSeconds: Schema.Finite }),
      Result: Owner,
      execute: ({ graceSeconds, hash }) => sql`
        UPDATE login_families f SET revoked_at = now()
        FROM refresh_tokens t
        WHERE t.token_hash = ${hash} AND t.used_at IS NOT NULL AND f.id = t.family_id AND f.revoked_at IS NULL
          AND (
            t.used_at < now() - make_interval(secs => ${graceSeconds})
            OR EXISTS (SELECT FROM refresh_tokens later WHERE later.family_id = t.family_id AND later.used_at > t.used_at)
          )
        RETURNING f.id AS family_id, f.user_id`
    }),

    revoke: SqlSchema.void({
      Request: FamilyId,
      execute: (id) => sql`UPDATE login_families SET revoked_at = now() WHERE id = ${id} AND revoked_at IS NULL`
    }),

    /** Gives the logins that ended. */
    revokeAll: SqlSchema.findAll({
      Request: UserId,
      Result: Schema.Struct({ id: FamilyId }),
      execute: (userId) => sql`
        UPDATE login_families SET revoked_at = now() WHERE user_id = ${userId} AND revoked_at IS NULL RETURNING id`
    }),

    isOpen: SqlSchema.findOneOption({
      Request: FamilyId,
      Result: Schema.Struct({ id: FamilyId }),
      execute: (id) => sql`SELECT id FROM login_families WHERE id = ${id} AND revoked_at IS NULL`
    })
  }
})
