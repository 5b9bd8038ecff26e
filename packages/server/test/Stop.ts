/** A point at which something waits until the test lets it pass. */
import { Deferred, Effect } from "effect"

export const make = Effect.gen(function* () {
  const reached = yield* Deferred.make<void>()
  const passed = yield* Deferred.make<void>()
  return {
    wait: Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(passed)),
    reached: Deferred.await(reached),
    pass: Deferred.succeed(passed, undefined)
  }
})
