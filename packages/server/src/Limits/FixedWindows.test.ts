import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { suite } from "../../test/fixedWindowSuite.ts"
import { capacity, layerMemory, makeMemory, type Window } from "./FixedWindows.ts"

suite("in memory", layerMemory)

describe("the memory of windows", () => {
  const remembering = Effect.gen(function* () {
    const windows = new Map<string, Window>()
    const { fixedWindow } = yield* makeMemory(windows)
    const take = (key: string, window: Duration.Input) =>
      fixedWindow({ key, limit: 1, tokens: 1, refillRate: Duration.fromInputUnsafe(window) })
    return { windows, take }
  })

  it.effect("forgets those that have ended", () =>
    Effect.gen(function* () {
      const { take, windows } = yield* remembering
      yield* take("short", "30 seconds")
      yield* take("long", "1 hour")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([...windows.keys()], ["long"])
    })
  )

  it.effect("has an end: the oldest has to go", () =>
    Effect.gen(function* () {
      const { take, windows } = yield* remembering
      yield* take("oldest", "1 hour")
      for (let n = 1; n < capacity; n++) windows.set(`other ${n}`, { count: 1, endsAt: Infinity })
      yield* take("newest", "1 hour")
      assert.strictEqual(windows.size, capacity)
      assert.isFalse(windows.has("oldest"))
      assert.isTrue(windows.has("newest"))
    })
  )
})
