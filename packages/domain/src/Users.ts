import { Context, Schema, SchemaTransformation } from "effect"
import {
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpApiSecurity,
  OpenApi
} from "effect/http-api"
import { bodyErrors } from "./Errors.ts"
import { LoginDelayed } from "./Limits.ts"
import { NewPassword, Password } from "./Passwords.ts"
import { Timestamp, uuid } from "./Scalars.ts"
import { isComposable, isPrintable, normalizeEmail } from "./Text.ts"

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
      isPrintable,
      isComposable
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

/** Not 401, which clients take for a token that is no longer good. */
export class WrongPassword extends Schema.Error<WrongPassword>("WrongPassword")(
  { detail: Schema.tag("Current password is incorrect") },
  { httpApiStatus: 400, description: "`current_password` is not the password of the account." }
) {
  readonly _tag = "WrongPassword" as const
}

export class EmailTaken extends Schema.Error<EmailTaken>("EmailTaken")(
  { detail: Schema.tag("Email already registered") },
  { httpApiStatus: 400, description: "Another account has this e-mail address." }
) {
  readonly _tag = "EmailTaken" as const
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

const current_password = Password.annotateKey({ description: "The password of the account: a token alone will not do" })

const ChangedEmail = Schema.Struct({ email: Email, current_password }).annotate({ identifier: "ChangedEmail" })
const ChangedPassword = Schema.Struct({
  current_password,
  new_password: NewPassword.annotateKey({ description: "The password from now on" })
}).annotate({ identifier: "ChangedPassword" })
const Confirmation = Schema.Struct({ current_password }).annotate({ identifier: "Confirmation" })

const annotated = (summary: string, description: string) => OpenApi.annotations({ summary, description })

const path = "/users/me"

export class UsersGroup extends HttpApiGroup.make("users")
  .add(
    HttpApiEndpoint.get("me", path, { success: User }).annotateMerge(
      annotated("Who am I", "The account the access token belongs to.")
    ),
    HttpApiEndpoint.patch("changeEmail", path, {
      payload: ChangedEmail,
      success: User,
      error: [WrongPassword, LoginDelayed, EmailTaken, ...bodyErrors]
    }).annotateMerge(annotated("Change the e-mail address", "The next login takes the new one.")),
    HttpApiEndpoint.post("changePassword", `${path}/password`, {
      payload: ChangedPassword,
      success: HttpApiSchema.NoContent,
      error: [WrongPassword, LoginDelayed, ...bodyErrors]
    }).annotateMerge(
      annotated("Change the password", "Ends all other logins of the account; the one that asks goes on.")
    ),
    HttpApiEndpoint.delete("delete", path, {
      payload: Confirmation,
      success: HttpApiSchema.NoContent,
      error: [WrongPassword, LoginDelayed, ...bodyErrors]
    }).annotateMerge(
      annotated(
        "Delete the account",
        "With its sessions, their messages, what the agent remembers of them, its logins and its usage. Running turns end " +
          "in an error. Nothing of it can be brought back."
      )
    )
  )
  .middleware(Authorization)
  .annotateMerge(OpenApi.annotations({ title: "Users", description: "The account of the person who is logged in" })) {}
