/**
 * A clock that stands still until a test moves it, and tells who sleeps. `TestClock` cannot say when a sleep begins that
 * comes after real I/O; here a test waits for it.
 */
import { type Clock, Deferred, Duration, Effect } from "effect"

interface Sleeper {
  readonly millis: number
  readonly until: number
  readonly woken: Deferred.Deferred<void>
}

interface Onlooker {
  readonly fits: (millis: number) => boolean
  readonly seen: Deferred.Deferred<number>
}

export interface HeldClock {
  readonly clock: Clock.Clock
  /** Waits until somebody sleeps for a time that fits. Gives the milliseconds. */
  readonly asleep: (fits: (millis: number) => boolean) => Effect.Effect<number>
  /** Moves the time, and wakes whom it is time for. */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void>
}

export const make: Effect.Effect<HeldClock> = Effect.sync(() => {
  let now = 0
  const sleepers = new Set<Sleeper>()
  const onlookers = new Set<Onlooker>()

  const nanos = () => BigInt(Math.round(now * 1_000_000))
  const sleep = (duration: Duration.Duration) =>
    Effect.suspend(() => {
      const millis = Duration.toMillis(duration)
      const sleeper: Sleeper = { millis, until: now + millis, woken: Deferred.makeUnsafe() }
      sleepers.add(sleeper)
      for (const { fits, seen } of onlookers) if (fits(millis)) Deferred.doneUnsafe(seen, Effect.succeed(millis))
      return Effect.ensuring(
        Deferred.await(sleeper.woken),
        Effect.sync(() => sleepers.delete(sleeper))
      )
    })

  return {
    clock: {
      currentTimeMillisUnsafe: () => now,
      currentTimeNanosUnsafe: nanos,
      monotonicTimeNanosUnsafe: nanos,
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanos: Effect.sync(nanos),
      sleep
    },
    asleep: (fits) =>
      Effect.suspend(() => {
        for (const { millis } of sleepers) if (fits(millis)) return Effect.succeed(millis)
        const onlooker: Onlooker = { fits, seen: Deferred.makeUnsafe() }
        onlookers.add(onlooker)
        return Effect.ensuring(
          Deferred.await(onlooker.seen),
          Effect.sync(() => onlookers.delete(onlooker))
        )
      }),
    pass: (duration) =>
      Effect.sync(() => {
        now += Duration.toMillis(Duration.fromInputUnsafe(duration))
        // Whoever wakes may sleep again at once, which is another sleep.
        for (const sleeper of Array.from(sleepers)) {
          if (sleeper.until <= now && sleepers.delete(sleeper)) Deferred.doneUnsafe(sleeper.woken, Effect.void)
        }
      })
  }
})
