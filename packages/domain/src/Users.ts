import { Context, Schema, SchemaTransformation } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { Timestamp, uuid } from "./Scalars.ts"
import { isPrintable, normalizeEmail } from "./Text.ts"

export const UserId = uuid("0199c0de-0000-7000-8000-000000000001").pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** A login: every token it led to belongs to it, and ends with it. */
export const FamilyId = uuid("0199c0de-0000-7000-8000-000000000004").pipe(Schema.brand("FamilyId"))
export type FamilyId = typeof FamilyId.Type

const emailMessage = "Must be an e-mail address"

/**
 * One `@`, no white space, a dot in the domain: what can be known without sending mail. U+FFFD stands where bytes were no
 * UTF-8: two addresses spoilt in this way must not become one account.
 */
const emailShape = /^[^\s@\ufffd]{1,64}@[^\s@.\ufffd]+(?:\.[^\s@.\ufffd]+)+$/u

/** Trimmed, NFC, lower-cased. */
export const Email = Schema.String.annotate({
  message: emailMessage,
  format: "email",
  description: "E-mail address. Trimmed and lower-cased.",
  examples: ["ada@example.com"]
}).pipe(
  Schema.decodeTo(
    Schema.String.check(
      Schema.isPattern(emailShape, { message: emailMessage }),
      // RFC 5321, 4.5.3.1.3
      Schema.isMaxCodePoints(254, { message: "Must have at most 254 characters" }),
      isPrintable
    ),
    SchemaTransformation.transform({ decode: normalizeEmail, encode: (email) => email })
  ),
  Schema.brand("Email")
)
export type Email = typeof Email.Type

export const User = Schema.Struct({
  id: UserId,
  email: Schema.String.annotate({ format: "email", examples: ["ada@example.com"] }),
  created_at: Timestamp,
  updated_at: Timestamp
}).annotate({ identifier: "User", description: "A person who can log in" })
export type User = typeof User.Type

/** Who makes the request, as the access token says. */
export class CurrentUser extends Context.Service<CurrentUser, { readonly id: UserId; readonly familyId: FamilyId }>()(
  "@parley/domain/CurrentUser"
) {}

/** The response also has `WWW-Authenticate: Bearer`. */
export class Unauthorized extends Schema.Error<Unauthorized>("Unauthorized")(
  { detail: Schema.Literals(["Not authenticated", "Invalid or expired token"]) },
  { httpApiStatus: 401, description: "No token was sent, or it is malformed, expired or revoked." }
) {
  readonly _tag = "Unauthorized" as const
}

/** Wrong e-mail or wrong password: which of them is not told. */
export class InvalidCredentials extends Schema.Error<InvalidCredentials>("InvalidCredentials")(
  { detail: Schema.tag("Invalid credentials") },
  { httpApiStatus: 401, description: "Unknown e-mail address or wrong password." }
) {
  readonly _tag = "InvalidCredentials" as const
}

export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "@parley/domain/Authorization",
  {
    error: Unauthorized,
    requiredForClient: true,
    security: {
      bearer: HttpApiSecurity.bearer.pipe(
        HttpApiSecurity.annotate(OpenApi.Description, "An access token, from registering, logging in or refreshing")
      )
    }
  }
) {}

export class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("me", "/users/me", { success: User }).annotateMerge(
      OpenApi.annotations({ summary: "Who am I", description: "The account the access token belongs to." })
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Users", description: "The account of the person who is logged in" })) {}
