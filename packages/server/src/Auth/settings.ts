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

/** Ten years are for ever; beyond, times overflow. */
const lifetime = (name: string, maximum: number) =>
  Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(maximum)), name)

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
    lifetime("JWT_ACCESS_TOKEN_EXPIRE_HOURS", 87_600),
    (environment) => (Setting.isLocal(environment) ? 720 : 1),
    "a number of hours above 0, 87600 at the most"
  ),
  refreshTokenDays: Setting.withDefaultBy(
    "JWT_REFRESH_TOKEN_EXPIRE_DAYS",
    lifetime("JWT_REFRESH_TOKEN_EXPIRE_DAYS", 3650),
    (environment) => (Setting.isLocal(environment) ? 365 : 30),
    "a number of days above 0, 3650 at the most"
  ),
  refreshReuseGraceSeconds: Setting.withDefault(
    "REFRESH_REUSE_GRACE_SECONDS",
    Config.schema(Schema.FiniteFromString.check(Schema.isGreaterThanOrEqualTo(0)), "REFRESH_REUSE_GRACE_SECONDS"),
    10,
    "a number of seconds, 0 or more"
  ),
  passwordPolicy: Setting.withDefault<"composition" | "nist">(
    "PASSWORD_POLICY",
    Config.Literals(["composition", "nist"], "PASSWORD_POLICY"),
    "composition",
    "composition or nist"
  ),
  bcryptRounds: Setting.withDefault(
    "BCRYPT_ROUNDS",
    Config.schema(
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 4, maximum: 16 })),
      "BCRYPT_ROUNDS"
    ),
    12,
    "a whole number from 4 to 16"
  )
}
