import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { bodyErrors } from "./Errors.ts"
import { Limit, LoginDelayed } from "./Limits.ts"
import { NewPassword, Password } from "./Passwords.ts"
import { Count, Timestamp } from "./Scalars.ts"
import { Authorization, Email, EmailTaken, InvalidCredentials, Unauthorized, User } from "./Users.ts"

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
