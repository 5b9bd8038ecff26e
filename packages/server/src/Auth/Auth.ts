import type { Credentials, Registration, Tokens } from "@parley/domain/Auth"
import type { ExportedLogin } from "@parley/domain/Export"
import {
  type EmailTaken,
  FamilyId,
  InvalidCredentials,
  Unauthorized,
  type User,
  type UserId
} from "@parley/domain/Users"
import type { LoginDelayed } from "@parley/domain/Limits"
import { Cache, Context, Duration, Effect, Exit, Layer, Option, Redacted } from "effect"
import { Digest, SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { LoginDelays } from "../Limits/LoginDelays.ts"
import { Users } from "../Users/Users.ts"
import { AccessTokens } from "./AccessTokens.ts"
import * as Account from "./Account.ts"
import * as Audit from "./audit.ts"
import * as LoginsRepo from "./LoginsRepo.ts"
import { Passwords } from "./Passwords.ts"
import { settings } from "./settings.ts"

/** How long a revocation made on another server may stay unnoticed here. */
const revocationDelay = Duration.seconds(30)

/** Logins: opened by a password, kept by refresh tokens, ended by logging out or by a stolen token's reappearance. */
export class Auth extends Context.Service<
  Auth,
  {
    readonly register: (input: Registration) => Effect.Effect<Tokens & { readonly user: User }, EmailTaken>
    readonly login: (input: Credentials) => Effect.Effect<Tokens, InvalidCredentials | LoginDelayed>
    readonly refresh: (token: Redacted.Redacted) => Effect.Effect<Tokens, Unauthorized>
    readonly logout: (login: Login, everywhere: boolean) => Effect.Effect<void>
    /** Who holds this access token, if it is good and its login still stands. */
    readonly authenticate: (accessToken: Redacted.Redacted) => Effect.Effect<Login, Unauthorized>
    /** A page of the logins of an account, oldest first, after the one with this id. Empty after the last. */
    readonly logins: (userId: UserId, after: FamilyId | undefined) => Effect.Effect<ReadonlyArray<ExportedLogin>>
  } & Account.Account
>()("@parley/server/Auth") {
  static readonly layerNoDeps = Layer.effect(
    Auth,
    Effect.gen(function* () {
      const audit = yield* Audit.make
      const users = yield* Users
      const passwords = yield* Passwords
      const delays = yield* LoginDelays
      const accessTokens = yield* AccessTokens
      const random = yield* SecureRandom.SecureRandom
      const digest = yield* Digest.Digest
      const repo = yield* LoginsRepo.make
      const accessSeconds = Math.ceil((yield* settings.accessTokenHours.config) * 3600)
      const lifetimeSeconds = Duration.toSeconds(Duration.days(yield* settings.refreshTokenDays.config))
      const graceSeconds = yield* settings.refreshReuseGraceSeconds.config

      const isOpen = yield* Cache.makeWith((id: FamilyId) => Effect.map(Effect.orDie(repo.isOpen(id)), Option.isSome), {
        capacity: 100_000,
        timeToLive: (exit) => (Exit.isSuccess(exit) ? revocationDelay : Duration.zero)
      })

      const hashOf = (token: string) => digest.digest(Digest.sha256, textEncoder.encode(token))

      const newRefreshToken = Effect.gen(function* () {
        const token = Base64Url.encode(yield* random.randomBytes(32))
        return { token, hash: yield* Effect.orDie(hashOf(token)) }
      })

      const tokens = Effect.fnUntraced(function* (login: Login, refreshToken: string) {
        const access = yield* accessTokens.issue(login.id, login.familyId)
        return {
          access_token: access.token,
          refresh_token: refreshToken,
          token_type: "bearer" as const,
          expires_in: access.expiresIn,
          expires_at: access.expiresAt
        }
      })

      /** Nothing when the password's hash is no longer this one: then a login that knows the old one comes too late. */
      const open = Effect.fnUntraced(function* (userId: UserId, passwordHash: Redacted.Redacted) {
        const { hash, token } = yield* newRefreshToken
        const familyId = FamilyId.make(yield* random.uuidV7())
        const opened = yield* Effect.orDie(
          repo.open({ family_id: familyId, user_id: userId, passwordHash, hash, lifetimeSeconds, accessSeconds })
        )
        return Option.isNone(opened) ? Option.none() : Option.some(yield* tokens({ id: userId, familyId }, token))
      })

      const forget = Effect.forEach(({ id }: { readonly id: FamilyId }) => Cache.invalidate(isOpen, id), {
        discard: true
      })

      const register = Effect.fn("Auth.register")(function* ({ email, password }: Registration) {
        const hash = yield* passwords.hash(password)
        const user = yield* Effect.tapError(users.create(email, hash), () => audit("register", "email_taken"))
        yield* audit("register", "success", user.id)
        yield* delays.know(email)
        return { user, ...(yield* Effect.orDie(Effect.fromOption(yield* open(user.id, hash)))) }
      })

      const guarded = <A, E>(login: Effect.Effect<A, E>, { email }: Credentials) =>
        Effect.tapErrorTag(delays.guard(email, login), "LoginDelayed", () => audit("login", "delayed"))

      const login = Effect.fn("Auth.login")(function* ({ email, password }: Credentials) {
        while (true) {
          const user = yield* users.findByEmail(email)
          const matches = yield* Option.match(user, {
            onNone: () => passwords.verifyNothing(password),
            onSome: (found) => passwords.verify(password, found.hashed_password)
          })
          if (Option.isNone(user) || !matches) {
            yield* audit("login", "failure", Option.getOrUndefined(user)?.id)
            return yield* new InvalidCredentials({})
          }
          let hash = user.value.hashed_password
          if (passwords.isOutdated(hash)) {
            hash = yield* passwords.hash(password)
            yield* users.renewPasswordHash(user.value, hash)
          }
          const opened = yield* open(user.value.id, hash)
          // Somebody has changed the password meanwhile, or renewed its hash.
          if (Option.isNone(opened)) continue
          yield* audit("login", "success", user.value.id)
          return opened.value
        }
      }, guarded)

      /** A thief who does not wait for the answer is noticed as well. */
      const revokeReused = Effect.fnUntraced(function* (hash: Uint8Array) {
        const revoked = yield* Effect.orDie(repo.revokeReused({ hash, graceSeconds }))
        if (Option.isNone(revoked)) return yield* audit("refresh", "failure")
        yield* Cache.invalidate(isOpen, revoked.value.family_id)
        yield* audit("refresh", "reuse_detected", revoked.value.user_id)
      }, Effect.uninterruptible)

      const refresh = Effect.fn("Auth.refresh")(function* (token: Redacted.Redacted) {
        const usedHash = yield* Effect.orDie(hashOf(Redacted.value(token)))
        const next = yield* newRefreshToken
        const owner = yield* Effect.orDie(repo.rotate({ usedHash, hash: next.hash, lifetimeSeconds }))
        if (Option.isSome(owner)) {
          yield* audit("refresh", "success", owner.value.user_id)
          return yield* tokens({ id: owner.value.user_id, familyId: owner.value.family_id }, next.token)
        }
        yield* revokeReused(usedHash)
        return yield* new Unauthorized({ detail: "Invalid or expired token" })
      })

      const logout = Effect.fn("Auth.logout")(function* (login: Login, everywhere: boolean) {
        if (everywhere) {
          yield* forget(yield* Effect.orDie(repo.revokeAll({ userId: login.id, except: null })))
        } else {
          yield* Effect.orDie(repo.revoke(login.familyId))
        }
        yield* Cache.invalidate(isOpen, login.familyId)
        yield* audit("logout", everywhere ? "everywhere" : "success", login.id)
        // Whoever closes the page is logged out as well; and what is ended in the database is so here, and in the log.
      }, Effect.uninterruptible)

      // Every request comes by here: no span, no generator.
      const authenticate = (accessToken: Redacted.Redacted) =>
        Effect.flatMap(accessTokens.verify(accessToken), ({ sid, sub }) =>
          Effect.flatMap(Cache.get(isOpen, sid), (isStanding) =>
            isStanding
              ? Effect.succeed({ id: sub, familyId: sid })
              : Effect.fail(new Unauthorized({ detail: "Invalid or expired token" }))
          )
        )

      const logins = Effect.fn("Auth.logins")((userId: UserId, after: FamilyId | undefined) =>
        Effect.orDie(repo.list({ userId, after: after ?? null }))
      )

      const account = Account.make(users, passwords, delays, repo, audit, forget)

      return Auth.of({ register, login, refresh, logout, authenticate, logins, ...account })
    })
  )

  static readonly layer = Auth.layerNoDeps.pipe(Layer.provide([Passwords.layer, AccessTokens.layer, LoginDelays.layer]))
}

export interface Login {
  readonly id: UserId
  readonly familyId: FamilyId
}

const textEncoder = new TextEncoder()
