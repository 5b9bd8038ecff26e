import { FamilyId, Unauthorized, UserId } from "@parley/domain/Users"
import {
  Cache,
  Clock,
  Context,
  DateTime,
  Duration,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Option,
  Redacted,
  Schema
} from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { type CryptoKey, jwtVerify, SignJWT } from "jose"
import { settings as sqlSettings } from "../Sql/settings.ts"
import { settings } from "./settings.ts"

const issuer = "parley"
const audience = "parley-api"
/** RFC 9068: keeps other JWTs signed with the same key from passing as access tokens. */
const type = "at+jwt"

const Claims = Schema.Struct({ sub: UserId, sid: FamilyId, exp: Schema.Finite })
export type Claims = typeof Claims.Type

const invalid = new Unauthorized({ detail: "Invalid or expired token" })

/** JWTs, HS256. They say who asks and by which login; whether that login still stands is asked elsewhere. */
export class AccessTokens extends Context.Service<
  AccessTokens,
  {
    readonly issue: (
      userId: UserId,
      familyId: FamilyId
    ) => Effect.Effect<{ readonly token: string; readonly expiresIn: number; readonly expiresAt: DateTime.Utc }>
    readonly verify: (token: Redacted.Redacted) => Effect.Effect<Claims, Unauthorized>
  }
>()("@parley/server/AccessTokens") {
  static readonly layer = Layer.effect(
    AccessTokens,
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const key = yield* importKey(yield* secretKey)
      const previous = yield* settings.previousSecretKey.config
      const keys = [key, ...(Option.isSome(previous) ? [yield* importKey(previous.value)] : [])]
      const lifetime = Duration.seconds(Math.ceil((yield* settings.accessTokenHours.config) * 3600))

      const issue = Effect.fn("AccessTokens.issue")(function* (userId: UserId, familyId: FamilyId) {
        // JWTs know whole seconds only.
        const now = DateTime.mapEpochMillis(yield* DateTime.now, (millis) => Math.floor(millis / 1000) * 1000)
        const expiresAt = DateTime.addDuration(now, lifetime)
        const jti = yield* random.uuidV4()
        const token = yield* Effect.promise(() =>
          new SignJWT({ sid: familyId })
            .setProtectedHeader({ alg: "HS256", typ: type })
            .setIssuer(issuer)
            .setAudience(audience)
            .setSubject(userId)
            .setJti(jti)
            .setIssuedAt(DateTime.toDateUtc(now))
            .setExpirationTime(DateTime.toDateUtc(expiresAt))
            .sign(key)
        )
        return { token, expiresIn: Duration.toSeconds(lifetime), expiresAt }
      })

      const verifyWith = (token: string, candidate: CryptoKey, now: DateTime.Utc) =>
        Effect.tryPromise({
          try: () =>
            jwtVerify(token, candidate, {
              algorithms: ["HS256"],
              issuer,
              audience,
              typ: type,
              currentDate: DateTime.toDateUtc(now),
              requiredClaims: ["sub", "sid", "jti", "iat", "exp"]
            }),
          catch: () => invalid
        })

      const check = Effect.fnUntraced(function* (token: string) {
        const now = yield* DateTime.now
        const { payload } = yield* Effect.firstSuccessOf(keys.map((candidate) => verifyWith(token, candidate, now)))
        return yield* Effect.mapError(decodeClaims(payload), () => invalid)
      })
      /** What was signed stays signed, and checking it takes a third of a small request. Only good tokens are kept. */
      const checked = yield* Cache.makeWith(check, {
        capacity: 10_000,
        timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.minutes(5) : Duration.zero)
      })

      // Every request comes by here: no span, no generator.
      const verify = (token: Redacted.Redacted) =>
        Effect.flatMap(Cache.get(checked, Redacted.value(token)), (claims) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            // It may have expired since it was checked.
            claims.exp * 1000 > now ? Effect.succeed(claims) : Effect.fail(invalid)
          )
        )

      return AccessTokens.of({ issue, verify })
    })
  )
}

const textEncoder = new TextEncoder()

/** Once for all tokens: given bytes, jose would import them for each. */
const importKey = (secret: Redacted.Redacted) =>
  Effect.promise(() =>
    crypto.subtle.importKey(
      "raw",
      textEncoder.encode(Redacted.value(secret)),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign", "verify"]
    )
  )

const decodeClaims = Schema.decodeUnknownEffect(Claims)

/** JWT_SECRET_KEY; without one, in development, a key made once and kept in DATA_DIR, so that logins outlive a restart. */
const secretKey = Effect.gen(function* () {
  const configured = yield* settings.secretKey.config
  if (Option.isSome(configured)) return configured.value
  const fs = yield* FileSystem.FileSystem
  const directory = yield* sqlSettings.dataDir.config
  const path = `${directory}/jwt-secret-key`
  yield* fs.makeDirectory(directory, { recursive: true })
  if (!(yield* fs.exists(path))) yield* makeSecretKey(path)
  return Redacted.make(yield* fs.readFileString(path))
})

/** Of servers that start at once one makes the key, and none reads half of it: it is linked into place when whole. */
const makeSecretKey = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const random = yield* SecureRandom.SecureRandom
  const draft = `${path}.${yield* random.uuidV4()}`
  yield* fs.writeFileString(draft, Base64Url.encode(yield* random.randomBytes(48)), { flag: "wx", mode: 0o600 })
  yield* fs.link(draft, path).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "AlreadyExists",
      () => Effect.void
    ),
    Effect.ensuring(Effect.ignore(fs.remove(draft)))
  )
})
