/** What only the holder of the password may do with an account: a token alone, which can be stolen, will not do. */
import type { LoginDelayed } from "@parley/domain/Limits"
import type { EmailTaken, FamilyId, User } from "@parley/domain/Users"
import { type Email, Unauthorized, WrongPassword } from "@parley/domain/Users"
import { Effect, Option, type Redacted } from "effect"
import type { LoginDelays } from "../Limits/LoginDelays.ts"
import type { StoredUser, Users } from "../Users/Users.ts"
import type { Audit } from "./audit.ts"
import type { Login } from "./Auth.ts"
import type * as LoginsRepo from "./LoginsRepo.ts"
import type { Passwords } from "./Passwords.ts"

type Refused = WrongPassword | LoginDelayed | Unauthorized

export interface Account {
  readonly changeEmail: (
    login: Login,
    email: Email,
    password: Redacted.Redacted
  ) => Effect.Effect<User, Refused | EmailTaken>
  /** Ends all other logins of the account. */
  readonly changePassword: (
    login: Login,
    password: Redacted.Redacted,
    next: Redacted.Redacted
  ) => Effect.Effect<void, Refused>
  /** With all that belongs to it. */
  readonly deleteAccount: (login: Login, password: Redacted.Redacted) => Effect.Effect<void, Refused>
}

/** `forget` makes this server ask anew whether a login stands. */
export const make = (
  users: Users["Service"],
  passwords: Passwords["Service"],
  delays: LoginDelays["Service"],
  repo: Effect.Success<typeof LoginsRepo.make>,
  audit: Audit,
  forget: (ids: ReadonlyArray<{ readonly id: FamilyId }>) => Effect.Effect<void>
): Account => {
  const check = (password: Redacted.Redacted, { email, hashed_password: hash }: StoredUser, familyId: FamilyId) =>
    delays.guardConfirmation(
      { familyId, email },
      Effect.flatMap(passwords.verify(password, hash), (matches) => (matches ? Effect.void : new WrongPassword({})))
    )

  /** Does `act` if the password is right, which does nothing when the hash is no longer the one that was checked. */
  const confirmed = Effect.fnUntraced(function* <A, E>(
    event: "email_change" | "password_change" | "deletion",
    login: Login,
    password: Redacted.Redacted,
    act: (user: StoredUser) => Effect.Effect<Option.Option<A>, E>
  ): Effect.fn.Return<A, E | Refused> {
    while (true) {
      const user = yield* users.findStored(login.id)
      if (Option.isNone(user)) return yield* new Unauthorized({ detail: "Invalid or expired token" })
      yield* check(password, user.value, login.familyId).pipe(
        Effect.tapErrorTag("WrongPassword", () => audit(event, "failure", login.id)),
        Effect.tapErrorTag("LoginDelayed", () => audit(event, "delayed", login.id))
      )
      const done = yield* act(user.value)
      if (Option.isNone(done)) continue
      yield* audit(event, "success", login.id)
      return done.value
    }
  })

  return {
    changeEmail: Effect.fn("Auth.changeEmail")((login, email, password) =>
      confirmed("email_change", login, password, (user) =>
        Effect.tapError(users.changeEmail(user, email), () => audit("email_change", "email_taken", login.id))
      )
    ),

    changePassword: Effect.fn("Auth.changePassword")((login, password, next) =>
      confirmed(
        "password_change",
        login,
        password,
        Effect.fnUntraced(function* (user) {
          const hash = yield* passwords.hash(next)
          const ended = Effect.gen(function* () {
            if (!(yield* users.changePassword(user, hash))) return Option.none()
            // A statement of its own: it sees the logins that the one before had to wait for.
            return Option.some(yield* repo.revokeAll({ userId: login.id, except: login.familyId }))
          })
          return yield* Effect.uninterruptible(
            ended.pipe(
              repo.transaction,
              Effect.orDie,
              Effect.tap(Option.match({ onNone: () => Effect.void, onSome: forget }))
            )
          )
        })
      ).pipe(Effect.asVoid)
    ),

    deleteAccount: Effect.fn("Auth.deleteAccount")((login, password) =>
      confirmed(
        "deletion",
        login,
        password,
        Effect.fnUntraced(function* (user) {
          const logins = yield* Effect.orDie(repo.idsOf(login.id))
          const isDeleted = yield* users.delete(user)
          yield* forget(logins)
          return isDeleted ? Option.some(undefined) : Option.none()
        }, Effect.uninterruptible)
      )
    )
  }
}
