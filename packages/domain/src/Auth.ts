import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { bodyErrors } from "./Errors.ts"
import { Limit, LoginDelayed } from "./Limits.ts"
import { Count, Timestamp } from "./Scalars.ts"
import { Authorization, Email, InvalidCredentials, Unauthorized, User } from "./Users.ts"

const textEncoder = new TextEncoder()

/** bcrypt reads 72 bytes. A longer password is refused, never truncated. */
export const passwordMaxBytes = 72

const fitsBcrypt = Schema.makeFilter((text: string) => textEncoder.encode(text).length <= passwordMaxBytes, {
  expected: `at most ${passwordMaxBytes} bytes`,
  message: `Password must have at most ${passwordMaxBytes} bytes`
})

/** bcrypt stops at NUL. U+FFFD stands where bytes were no UTF-8, whatever they were: as a password it would fit many. */
const isStorable = Schema.makeFilter((text: string) => text.isWellFormed() && !/[\u0000\ufffd]/u.test(text), {
  expected: "well-formed text",
  message: "Password must not contain NUL or broken Unicode"
})

/** A password to be checked: taken as it is, because trimming or normalizing would change it. */
export const Password = Schema.RedactedFromValue(
  Schema.String.annotate({
    message: "Password must be a string",
    format: "password",
    examples: ["Correct-horse-7"]
  }).check(fitsBcrypt, isStorable)
)

/** A password to be set. Each rule has its own message, and all broken rules are told at once. */
export const NewPassword = Schema.RedactedFromValue(
  Schema.String.annotate({
    message: "Password must be a string",
    format: "password",
    description:
      "At least 8 characters with an uppercase letter, a lowercase letter, a number and a special character " +
      "(any that is no letter, digit or space); at most 72 bytes.",
    examples: ["Correct-horse-7"]
  }).check(
    Schema.isMinCodePoints(8, { message: "Password must have at least 8 characters" }),
    Schema.isPattern(/\p{Lu}/u, { message: "Password must contain at least one uppercase letter" }),
    Schema.isPattern(/\p{Ll}/u, { message: "Password must contain at least one lowercase letter" }),
    Schema.isPattern(/\p{Nd}/u, { message: "Password must contain at least one number" }),
    Schema.isPattern(/[^\p{L}\p{Nd}\s]/u, { message: "Password must contain at least one special character" }),
    fitsBcrypt,
    isStorable
  )
)

export const Registration = Schema.Struct({ email: Email, password: NewPassword }).annotate({
  identifier: "Registration"
})
export type Registration = typeof Registration.Type

export const Credentials = Schema.Struct({ email: Email, password: Password }).annotate({ identifier: "Credentials" })
export type Credentials = typeof Credentials.Type

const ignored = Schema.String.annotate({ description: "Ignored" })

/** The OAuth2 password form (RFC 6749, 4.3), which API explorers send. `scope` and client fields are accepted and unused. */
export const CredentialsForm = Schema.Struct({
  username: Email,
  password: Password,
  grant_type: Schema.optionalKey(Schema.Literal("password").annotate({ message: "Must be password" })),
  scope: Schema.optionalKey(ignored),
  client_id: Schema.optionalKey(ignored),
  client_secret: Schema.optionalKey(ignored)
})
  .annotate({ identifier: "CredentialsForm" })
  .pipe(HttpApiSchema.asFormUrlEncoded())

const refreshTokenExample = "jXmF0Zc3o8fTn1uVh2qLkP5sWbA9yRdE7gI4tK6xJ0M"

export const RefreshToken = Schema.RedactedFromValue(
  Schema.String.annotate({ message: "Refresh token must be a string", examples: [refreshTokenExample] }).check(
    Schema.isPattern(/^[A-Za-z0-9_-]{43}$/u, { message: "Not a refresh token" })
  )
)

const tokenFields = {
  access_token: Schema.String.annotate({
    description: "JWT, sent as `Authorization: Bearer ...`",
    examples: ["eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl"]
  }),
  refresh_token: Schema.String.annotate({
    description: "Opaque, good for one use at `/auth/refresh`",
    examples: [refreshTokenExample]
  }),
  token_type: Schema.tag("bearer"),
  expires_in: Count.annotate({ description: "Seconds until the access token expires", examples: [3600] }),
  expires_at: Timestamp
}

/** Names of RFC 6749, 5.1. */
export const Tokens = Schema.Struct(tokenFields).annotate({ identifier: "Tokens" })
export type Tokens = typeof Tokens.Type

export const Registered = Schema.Struct({ user: User, ...tokenFields }).annotate({ identifier: "Registered" })

export class EmailTaken extends Schema.Error<EmailTaken>("EmailTaken")(
  { detail: Schema.tag("Email already registered") },
  { httpApiStatus: 400, description: "Another account has this e-mail address." }
) {
  readonly _tag = "EmailTaken" as const
}

const register = HttpApiEndpoint.post("register", "/auth/register", {
  payload: Registration,
  success: Registered.pipe(HttpApiSchema.status(201)),
  error: [EmailTaken, ...bodyErrors]
})
  .annotate(Limit, "register")
  .annotateMerge(OpenApi.annotations({ summary: "Register", description: "Makes an account and logs it in." }))

const login = HttpApiEndpoint.post("login", "/auth/login", {
  payload: [Credentials, CredentialsForm],
  success: Tokens,
  error: [InvalidCredentials, LoginDelayed, ...bodyErrors]
})
  .annotate(Limit, "login")
  .annotateMerge(
    OpenApi.annotations({
      summary: "Log in",
      description: "Takes JSON, or the OAuth2 password form with the e-mail address as `username`."
    })
  )

const refresh = HttpApiEndpoint.post("refresh", "/auth/refresh", {
  payload: Schema.Struct({ refresh_token: RefreshToken }).annotate({ identifier: "Refresh" }),
  success: Tokens,
  error: [Unauthorized, ...bodyErrors]
}).annotateMerge(
  OpenApi.annotations({
    summary: "Refresh",
    description: "Trades a refresh token for a new pair. The token is used up; sending it again later ends the login."
  })
)

const Logout = Schema.Struct({
  everywhere: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "End all logins of this account", examples: [false] })
  )
}).annotate({ identifier: "Logout" })

const logout = HttpApiEndpoint.post("logout", "/auth/logout", {
  payload: [Logout, Schema.Undefined],
  success: HttpApiSchema.NoContent,
  error: bodyErrors
})
  .middleware(Authorization)
  .annotateMerge(
    OpenApi.annotations({
      summary: "Log out",
      description: "Ends this login and every token it led to, or all logins."
    })
  )

export class AuthGroup extends HttpApiGroup.make("auth")
  .add(register, login, refresh, logout)
  .annotateMerge(OpenApi.annotations({ title: "Auth", description: "Accounts, logins and their tokens" })) {}
