import { type Email, EmailTaken, type User, UserId } from "@parley/domain/Users"
import { Context, DateTime, Effect, Layer, Option, type Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import * as UsersRepo from "./UsersRepo.ts"

export type { StoredUser } from "./UsersRepo.ts"

/** Accounts. Passwords come and go as hashes only; who may see what is decided elsewhere. */
export class Users extends Context.Service<
  Users,
  {
    readonly create: (email: Email, passwordHash: Redacted.Redacted) => Effect.Effect<User, EmailTaken>
    readonly findById: (id: UserId) => Effect.Effect<Option.Option<User>>
    readonly findByEmail: (email: Email) => Effect.Effect<Option.Option<UsersRepo.StoredUser>>
    /** With the password's hash. What is done with it, below, is not done when that is no longer the one that was read. */
    readonly findStored: (id: UserId) => Effect.Effect<Option.Option<UsersRepo.StoredUser>>
    /** The same password under another hash, which is no change of the account. */
    readonly renewPasswordHash: (read: UsersRepo.StoredUser, hash: Redacted.Redacted) => Effect.Effect<void>
    /** Whether it was changed. */
    readonly changePassword: (read: UsersRepo.StoredUser, hash: Redacted.Redacted) => Effect.Effect<boolean>
    readonly changeEmail: (read: UsersRepo.StoredUser, email: Email) => Effect.Effect<Option.Option<User>, EmailTaken>
    /** With all that belongs to it. Whether it was deleted. */
    readonly delete: (read: UsersRepo.StoredUser) => Effect.Effect<boolean>
  }
>()("@parley/server/Users") {
  static readonly layer = Layer.effect(
    Users,
    Effect.gen(function* () {
      const repo = yield* UsersRepo.make
      const random = yield* SecureRandom.SecureRandom

      const create = Effect.fn("Users.create")(function* (email: Email, passwordHash: Redacted.Redacted) {
        const now = yield* DateTime.now
        const id = UserId.make(yield* random.uuidV7())
        const inserted = yield* Effect.orDie(
          repo.insert({ id, email, hashed_password: passwordHash, created_at: now, updated_at: now })
        )
        return yield* Option.match(inserted, {
          onNone: () => Effect.fail(new EmailTaken({})),
          onSome: (user) => Effect.succeed(withoutHash(user))
        })
      })

      const findById = Effect.fn("Users.findById")((id: UserId) =>
        repo.findById(id).pipe(Effect.orDie, Effect.map(Option.map(withoutHash)))
      )
      const findStored = Effect.fn("Users.findStored")((id: UserId) => Effect.orDie(repo.findById(id)))
      const findByEmail = Effect.fn("Users.findByEmail")((email: Email) => Effect.orDie(repo.findByEmail(email)))
      const renewPasswordHash = Effect.fn("Users.renewPasswordHash")(
        ({ hashed_password: read, id }: UsersRepo.StoredUser, hash: Redacted.Redacted) =>
          Effect.orDie(repo.renewPasswordHash({ id, read, hash }))
      )
      const changePassword = Effect.fn("Users.changePassword")(function* (
        { hashed_password: read, id }: UsersRepo.StoredUser,
        hash: Redacted.Redacted
      ) {
        const updated_at = yield* DateTime.now
        return Option.isSome(yield* Effect.orDie(repo.changePassword({ id, read, hash, updated_at })))
      })
      const changeEmail = Effect.fn("Users.changeEmail")(
        function* ({ hashed_password: read, id }: UsersRepo.StoredUser, email: Email) {
          const updated_at = yield* DateTime.now
          return Option.map(yield* repo.changeEmail({ id, read, email, updated_at }), withoutHash)
        },
        Effect.catchReason("SqlError", "UniqueViolation", () => Effect.fail(new EmailTaken({}))),
        Effect.catchTag(["SqlError", "SchemaError"], Effect.die)
      )
      const remove = Effect.fn("Users.delete")(({ hashed_password: read, id }: UsersRepo.StoredUser) =>
        repo
          .holdSessions(id)
          .pipe(Effect.andThen(repo.delete({ id, read })), repo.transaction, Effect.orDie, Effect.map(Option.isSome))
      )

      return Users.of({
        create,
        findById,
        findStored,
        findByEmail,
        renewPasswordHash,
        changePassword,
        changeEmail,
        delete: remove
      })
    })
  )
}

const withoutHash = ({ hashed_password: _, ...user }: UsersRepo.StoredUser): User => user
