import { assert, layer } from "@effect/vitest"
import { SessionId } from "@parley/domain/Sessions"
import { UserId } from "@parley/domain/Users"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { untilWaiting } from "../../test/whenBlocked.ts"
import * as LeasesRepo from "./LeasesRepo.ts"

const call = { model: "gpt-4o-mini", inputTokens: 1, outputTokens: 1, isEstimated: true, costEur: 0.5 }

// A connection for each statement: else one that waits keeps others from being sent.
layer(TestDatabase.layerPool(10, false), { excludeTestServices: true })("what was spent in vain", (it) => {
  it.effect("is written while the account is deleted, and neither fails", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* LeasesRepo.make
      const userId = UserId.make(randomUUID())
      yield* sql`INSERT INTO users VALUES (${userId}, ${`${userId}@example.com`}, 'hash', now(), now())`
      const debt = { userId, sessionId: SessionId.make(randomUUID()), spent: [call] }
      yield* repo.account(debt)
      const [mayAccount, mayDelete] = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const after = <A, E>(begun: Deferred.Deferred<void>, statement: Effect.Effect<A, E>) =>
        Effect.forkDetach(Effect.exit(Effect.andThen(Deferred.await(begun), statement)))
      const accounting = yield* after(mayAccount, repo.account(debt))
      const deleting = yield* after(mayDelete, sql`DELETE FROM users WHERE id = ${userId}`)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT FROM usage_months WHERE user_id = ${userId} FOR UPDATE`
          yield* Deferred.succeed(mayAccount, undefined)
          yield* untilWaiting(1, accounting)
          yield* Deferred.succeed(mayDelete, undefined)
          yield* untilWaiting(2, deleting)
        })
      )
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(accounting)))
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(deleting)))
    })
  )
})
