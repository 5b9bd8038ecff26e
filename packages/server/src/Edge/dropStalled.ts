/** Of what is sent as it is read: a client that stays but does not read must not hold what it is sent for ever. */
import { Clock, Duration, Effect, type Scope, Stream } from "effect"

/** A client that reads nothing for so long is gone. */
const stallLimit = Duration.seconds(30)

/** The same stream; `drop`, which must close the connection, is used when nobody reads it any more. */
export const dropStalled = Effect.fnUntraced(function* <A, E, R>(
  stream: Stream.Stream<A, E, R>,
  drop: Effect.Effect<void>
): Effect.fn.Return<Stream.Stream<A, E, R>, never, Scope.Scope> {
  const reader = yield* watchReader
  yield* Effect.forkScoped(Effect.andThen(reader.stalled, drop))
  return Stream.transformPull(stream, (pull) => Effect.succeed(reader.watched(pull)))
})

/** Whoever reads a stream asks for more when the socket has taken what it got before. */
const watchReader = Effect.map(Clock.Clock, (clock) => {
  /** When the reader got what it has not asked for more since. */
  let busySince: number | undefined
  const limitMillis = Duration.toMillis(stallLimit)
  return {
    watched: <A, E>(pull: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        busySince = undefined
        return Effect.map(pull, (value) => {
          busySince = clock.currentTimeMillisUnsafe()
          return value
        })
      }),
    /** One timer, however many events there are. */
    stalled: Effect.gen(function* () {
      while (true) {
        const busyMillis = busySince === undefined ? 0 : clock.currentTimeMillisUnsafe() - busySince
        if (busyMillis >= limitMillis) return
        yield* Effect.sleep(limitMillis - busyMillis)
      }
    })
  }
})
