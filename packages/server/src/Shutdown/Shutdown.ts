import { Context, Effect, Layer } from "effect"

/** The end of a server, for all that must behave otherwise once it has begun. */
export class Shutdown extends Context.Service<
  Shutdown,
  {
    readonly hasBegun: () => boolean
    readonly begin: Effect.Effect<void>
  }
>()("@parley/server/Shutdown") {
  static readonly layer = Layer.sync(Shutdown, () => {
    let hasBegun = false
    return Shutdown.of({ hasBegun: () => hasBegun, begin: Effect.sync(() => void (hasBegun = true)) })
  })
}
