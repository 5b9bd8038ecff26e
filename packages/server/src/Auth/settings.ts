import { Config, Schema } from "effect"
import * as Setting from "../Settings/Setting.ts"

const textEncoder = new TextEncoder()

/** HS256 wants a key as long as its hash. */
const secretKey = (name: string) =>
  Config.schema(
    Schema.RedactedFromValue(
      Schema.String.check(Schema.makeFilter((key: string) => textEncoder.encode(key).length >= 32))
    ),
    name
  )

const positive = (name: string) => Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThan(0)), name)

export const settings = {
  secretKey: Setting.requiredOutsideDevelopment(
    Setting.optional(
      "JWT_SECRET_KEY",
      secretKey("JWT_SECRET_KEY"),
      "at least 32 bytes, for example the output of: openssl rand -base64 48"
    )
  ),
  previousSecretKey: Setting.optional(
    "JWT_SECRET_KEY_PREVIOUS",
    secretKey("JWT_SECRET_KEY_PREVIOUS"),
    "the key used before, at least 32 bytes"
  ),
  accessTokenHours: Setting.withDefaultBy(
    "JWT_ACCESS_TOKEN_EXPIRE_HOURS",
    positive("JWT_ACCESS_TOKEN_EXPIRE_HOURS"),
    (environment) => (Setting.isLocal(environment) ? 720 : 1),
    "a number of hours above 0"
  ),
  refreshTokenDays: Setting.withDefaultBy(
    "JWT_REFRESH_TOKEN_EXPIRE_DAYS",
    positive("JWT_REFRESH_TOKEN_EXPIRE_DAYS"),
    (environment) => (Setting.isLocal(environment) ? 365 : 30),
    "a number of days above 0"
  ),
  refreshReuseGraceSeconds: Setting.withDefault(
    "REFRESH_REUSE_GRACE_SECONDS",
    Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)), "REFRESH_REUSE_GRACE_SECONDS"),
    10,
    "a number of seconds, 0 or more"
  ),
  bcryptRounds: Setting.withDefault(
    "BCRYPT_ROUNDS",
    Config.schema(
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 4, maximum: 31 })),
      "BCRYPT_ROUNDS"
    ),
    12,
    "a whole number from 4 to 31"
  )
}
