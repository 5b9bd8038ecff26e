import { ExportedLogin } from "@parley/domain/Export"
import { FamilyId, UserId } from "@parley/domain/Users"
import { Effect, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"

const Owner = Schema.Struct({ family_id: FamilyId, user_id: UserId })

const NewToken = Schema.Struct({
  hash: Schema.Uint8Array,
  lifetimeSeconds: Schema.Finite
})

const Id = Schema.Struct({ id: FamilyId })

const Row = Schema.Struct({
  ...ExportedLogin.fields,
  created_at: Schema.DateTimeUtcFromDate,
  refreshed_at: Schema.DateTimeUtcFromDate,
  expires_at: Schema.DateTimeUtcFromDate,
  revoked_at: Schema.NullOr(Schema.DateTimeUtcFromDate)
})

const pageSize = 100

/** Logins and their refresh tokens. Times are the database's, so that several servers agree. */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  return {
    transaction: sql.withTransaction,

    /**
     * A login with its first token, if the password's hash is still this one; whoever is just changing it is waited for.
     * Logins of the account that nobody can use any more go, so that they do not pile up.
     */
    open: SqlSchema.findOneOption({
      Request: Schema.Struct({
        ...Owner.fields,
        ...NewToken.fields,
        passwordHash: Schema.RedactedFromValue(Schema.String),
        accessSeconds: Schema.Finite
      }),
      Result: Owner,
      execute: ({ accessSeconds, family_id, hash, lifetimeSeconds, passwordHash, user_id }) => sql`
        WITH owner AS (
          SELECT id FROM users WHERE id = ${user_id} AND hashed_password = ${passwordHash} FOR SHARE
        ), expired AS (
          DELETE FROM login_families WHERE id IN (
            SELECT f.id FROM login_families f
            WHERE f.user_id = ${user_id} AND NOT EXISTS (
              SELECT FROM refresh_tokens t WHERE t.family_id = f.id
                AND (t.expires_at > now() OR t.created_at > now() - make_interval(secs => ${accessSeconds}))
            )
            FOR UPDATE SKIP LOCKED
          )
        ), family AS (
          INSERT INTO login_families (id, user_id) SELECT ${family_id}, id FROM owner RETURNING id, user_id
        ), token AS (
          INSERT INTO refresh_tokens (token_hash, family_id, expires_at)
          SELECT ${hash}, id, now() + make_interval(secs => ${lifetimeSeconds}) FROM family
        )
        SELECT id AS family_id, user_id FROM family`
    }),

    /**
     * Uses a token up and puts the next in its place, in one statement: of any number at once, one gets a row.
     * Those that have expired go, so that a login does not grow for ever. The login is locked before its token, as by
     * the deletion of its account: the other way round they would meet in a deadlock.
     */
    rotate: SqlSchema.findOneOption({
      Request: Schema.Struct({ usedHash: Schema.Uint8Array, ...NewToken.fields }),
      Result: Owner,
      execute: ({ hash, lifetimeSeconds, usedHash }) => sql`
        WITH family AS (
          SELECT f.id, f.user_id FROM login_families f JOIN refresh_tokens t ON t.family_id = f.id
          WHERE t.token_hash = ${usedHash} AND f.revoked_at IS NULL
          FOR KEY SHARE OF f
        ), used AS (
          UPDATE refresh_tokens t SET used_at = now()
          FROM family f
          WHERE t.token_hash = ${usedHash} AND t.used_at IS NULL AND t.expires_at > now() AND f.id = t.family_id
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

    /** All but this one, if there is one. Gives the logins that ended. */
    revokeAll: SqlSchema.findAll({
      Request: Schema.Struct({ userId: UserId, except: Schema.NullOr(FamilyId) }),
      Result: Id,
      execute: ({ except, userId }) => sql`
        UPDATE login_families SET revoked_at = now()
        WHERE user_id = ${userId} AND id IS DISTINCT FROM ${except}::uuid AND revoked_at IS NULL RETURNING id`
    }),

    idsOf: SqlSchema.findAll({
      Request: UserId,
      Result: Id,
      execute: (userId) => sql`SELECT id FROM login_families WHERE user_id = ${userId}`
    }),

    /** Oldest first, those after this one. */
    list: SqlSchema.findAll({
      Request: Schema.Struct({ userId: UserId, after: Schema.NullOr(FamilyId) }),
      Result: Row,
      execute: ({ after, userId }) => sql`
        SELECT f.id, f.created_at, f.revoked_at, max(t.created_at) AS refreshed_at, max(t.expires_at) AS expires_at
        FROM login_families f JOIN refresh_tokens t ON t.family_id = f.id
        WHERE f.user_id = ${userId} AND f.id > coalesce(${after}::uuid, '00000000-0000-0000-0000-000000000000')
        GROUP BY f.id ORDER BY f.id LIMIT ${pageSize}`
    }),

    isOpen: SqlSchema.findOneOption({
      Request: FamilyId,
      Result: Id,
      execute: (id) => sql`SELECT id FROM login_families WHERE id = ${id} AND revoked_at IS NULL`
    })
  }
})
