import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Entropy from "./entropy.ts"

describe("randomness", () => {
  it.effect("gives no id twice, also when what was asked for at once is used up", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const ids = yield* Effect.replicateEffect(random.uuidV4(), 2000)
      assert.strictEqual(new Set(ids).size, 2000)
    }).pipe(Effect.provide(Entropy.layer))
  )

  it.effect("is as long as is asked for", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      for (const size of [0, 1, 16, 32, 48]) assert.lengthOf(yield* random.randomBytes(size), size)
      assert.notDeepEqual(yield* random.randomBytes(32), yield* random.randomBytes(32))
    }).pipe(Effect.provide(Entropy.layer))
  )

  it.effect("that somebody has changed is nobody else's", () =>
    Effect.gen(function* () {
      const random = yield* SecureRandom.SecureRandom
      const first = yield* random.randomBytes(16)
      const copy = Uint8Array.from(first)
      first.fill(0)
      assert.notDeepEqual(yield* random.randomBytes(16), first)
      assert.notDeepEqual(yield* random.randomBytes(16), copy)
    }).pipe(Effect.provide(Entropy.layer))
  )
})
