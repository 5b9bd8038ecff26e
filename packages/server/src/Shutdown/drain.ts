/**
 * The first thing that happens when a server is told to stop. It is not ready any more and refuses turns, but serves
 * everything else until the running turns have ended: those of listeners that are gone as well. Only then does it stop
 * listening, and not before those that send it requests had the time to learn that it is not ready: what is still on its
 * way to a socket that closes is lost.
 */
import { Duration, Effect, Layer } from "effect"
import { Turns } from "../Chat/Turns.ts"
import { settings } from "./settings.ts"

/** To be built after what serves, so that it ends before that. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const turns = yield* Turns
    const grace = yield* settings.grace.config
    const delay = yield* settings.delay.config
    const drain = Effect.gen(function* () {
      const running = yield* turns.running
      const most = Duration.max(running === 0 ? Duration.zero : grace, delay)
      const notice = Duration.isZero(most)
        ? ""
        : `, in ${Duration.format(most)} at the most. A second signal ends at once`
      yield* Effect.annotateLogs(Effect.logInfo(`Shutting down${notice}`), { turns: running })
      yield* Effect.all([turns.drain(grace), Effect.sleep(delay)], { concurrency: "unbounded" })
    })
    yield* Effect.addFinalizer(() => drain)
  })
)
