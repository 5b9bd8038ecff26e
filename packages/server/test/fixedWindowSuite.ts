/** What a fixed window is, wherever it is kept. */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, type Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { randomUUID } from "node:crypto"

const takeFrom = (key: string, limit: number, window: Duration.Input, tokens = 1) =>
  Effect.flatMap(RateLimiter.RateLimiterStore, (store) => {
    const refillRate = Duration.divideUnsafe(Duration.fromInputUnsafe(window), limit)
    return store.fixedWindow({ key, limit, refillRate, tokens })
  })

/** A window of a key that nobody else uses: each call takes one of it. */
const newWindow = (limit: number, window: Duration.Input) => {
  const key = randomUUID()
  return { take: takeFrom(key, limit, window), give: (tokens: number) => takeFrom(key, limit, window, -tokens) }
}

export const suite = <E>(name: string, store: Layer.Layer<RateLimiter.RateLimiterStore, E>) =>
  layer(store, { excludeTestServices: true })(`a fixed window ${name}`, (it) => {
    it.effect("is as long as it should be from its first request on, and no longer for those that follow", () =>
      Effect.gen(function* () {
        const { take } = newWindow(3, "1 minute")
        const [first, begun] = yield* take
        assert.deepStrictEqual([first, begun], [1, 60_000])
        const [second, left] = yield* take
        assert.strictEqual(second, 2)
        assert.isAtMost(left, 60_000)
        assert.isAtLeast(left, 50_000)
      })
    )

    it.effect("is as long whatever part of it a request takes", () =>
      Effect.gen(function* () {
        for (const limit of [1, 7, 200, 999_999_999]) {
          const [, left] = yield* newWindow(limit, "1 day").take
          assert.strictEqual(left, 86_400_000)
        }
      })
    )

    it.effect("does not count what it refuses", () =>
      Effect.gen(function* () {
        const { give, take } = newWindow(2, "1 minute")
        const counts = yield* Effect.forEach([take, take, take, take], (taking) => taking)
        assert.deepStrictEqual(
          counts.map(([count]) => count),
          [1, 2, 3, 3]
        )
        yield* give(1)
        assert.strictEqual((yield* take)[0], 2)
      })
    )

    it.effect("takes back what is given back, but is never less than empty, and then begins anew", () =>
      Effect.gen(function* () {
        const { give, take } = newWindow(5, "1 minute")
        yield* give(3)
        assert.deepStrictEqual(yield* take, [1, 60_000])
        yield* take
        yield* Effect.sleep("10 millis")
        yield* give(1)
        const [count, left] = yield* take
        assert.strictEqual(count, 2)
        assert.isBelow(left, 60_000)
        yield* give(10)
        assert.deepStrictEqual(yield* take, [1, 60_000])
      })
    )

    it.effect("tells what is taken of it when nothing is taken", () =>
      Effect.gen(function* () {
        const { give, take } = newWindow(1, "1 minute")
        assert.strictEqual((yield* give(0))[0], 0)
        assert.deepStrictEqual(yield* take, [1, 60_000])
        assert.strictEqual((yield* give(0))[0], 1)
        assert.strictEqual((yield* take)[0], 2)
      })
    )

    it.effect("ends, and another begins", () =>
      Effect.gen(function* () {
        const { take } = newWindow(1, "200 millis")
        const [, left] = yield* take
        yield* Effect.sleep(left + 20)
        assert.deepStrictEqual(yield* take, [1, 200])
      })
    )

    it.effect("lets exactly so many in of five hundred at once", () =>
      Effect.gen(function* () {
        const { take } = newWindow(30, "1 minute")
        const counts = yield* Effect.all(
          Array.from({ length: 500 }, () => take),
          { concurrency: "unbounded" }
        )
        assert.lengthOf(
          counts.filter(([count]) => count <= 30),
          30
        )
      })
    )
  })
