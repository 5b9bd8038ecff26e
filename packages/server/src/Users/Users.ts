import { EmailTaken } from "@parley/domain/Auth"
import { type Email, type User, UserId } from "@parley/domain/Users"
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
    /** Nothing happens when the hash is no longer the one that was read: somebody else has changed it since. */
    readonly replacePasswordHash: (read: UsersRepo.StoredUser, hash: Redacted.Redacted) => Effect.Effect<void>
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
      const findByEmail = Effect.fn("Users.findByEmail")((email: Email) => Effect.orDie(repo.findByEmail(email)))
      const replacePasswordHash = Effect.fn("Users.replacePasswordHash")(
        ({ hashed_password, id }: UsersRepo.StoredUser, hash: Redacted.Redacted) =>
          Effect.orDie(repo.replacePasswordHash({ id, read: hashed_password, hash }))
      )

      return Users.of({ create, findById, findByEmail, replacePasswordHash })
    })
  )
}

const withoutHash = ({ hashed_password: _, ...user }: UsersRepo.StoredUser): User => user
