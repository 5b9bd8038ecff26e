import { assert, expect, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as TestLog from "../../test/TestLog.ts"
import { ModelBreaker } from "./ModelBreaker.ts"
import { classify, type ModelCallFailed } from "./ModelError.ts"

const down = classify({ status: 500 })
const refused = classify({ status: 400 })

/** A breaker, with a model behind it that is asked `times` in a row; how often it really was. */
const guarding = Effect.gen(function* () {
  const { guard } = Context.get(yield* Layer.build(Layer.fresh(ModelBreaker.layer)), ModelBreaker)
  let asked = 0
  const call = (failure?: ModelCallFailed) =>
    Effect.suspend(() => {
      asked++
      return failure === undefined ? Effect.succeed("well") : Effect.fail(failure)
    })
  const ask = (failure?: ModelCallFailed, times = 1, counts = true) =>
    Effect.forEach(Array.from({ length: times }), () => Effect.exit(guard("m", counts)(call(failure))))
  /** What somebody is told now; the model is asked only if he is let through. */
  const turnedAway = Effect.flip(guard("m", true)(call(down)))
  return { guard, call, ask, turnedAway, asked: () => asked, open: ask(down, 20) }
})

describe("a model that fails", () => {
  it.effect("half of twenty times within half a minute is left alone", () =>
    Effect.gen(function* () {
      const { ask, asked, turnedAway } = yield* guarding
      yield* ask(undefined, 10)
      yield* TestClock.adjust("29 seconds")
      yield* ask(down, 9)
      expect(yield* turnedAway).toMatchObject({ kind: "500" })
      assert.strictEqual(asked(), 20)
      expect(yield* turnedAway).toMatchObject({
        kind: "circuit open",
        retryable: false,
        isAboutModel: true,
        error: { _tag: "ModelUnavailable", retryAfterSeconds: 10 }
      })
      assert.strictEqual(asked(), 20)
    })
  )

  it.effect("every other time is left alone at the twentieth", () =>
    Effect.gen(function* () {
      const { ask, asked } = yield* guarding
      for (let pair = 0; pair < 20; pair++) yield* Effect.andThen(ask(undefined), ask(down))
      assert.strictEqual(asked(), 20)
    })
  )

  it.effect.each<[string, (ask: Effect.Success<typeof guarding>["ask"]) => Effect.Effect<unknown>]>([
    ["fewer than twenty times", (ask) => ask(down, 19)],
    ["less than half the time", (ask) => Effect.andThen(ask(undefined, 11), ask(down, 10))],
    ["in later attempts at few answers", (ask) => Effect.andThen(ask(down, 19), ask(down, 40, false))],
    [
      "over more than half a minute",
      (ask) => ask(down, 19).pipe(Effect.andThen(TestClock.adjust("30 seconds")), Effect.andThen(ask(down, 19)))
    ]
  ])("%s is asked again", ([, fail]) =>
    Effect.gen(function* () {
      const { ask, asked } = yield* guarding
      yield* fail(ask)
      const before = asked()
      yield* ask(undefined)
      assert.strictEqual(asked(), before + 1)
    })
  )

  it.effect("because of what it is asked, or because nobody waits for it, is not to blame", () =>
    Effect.gen(function* () {
      const { ask, asked, guard } = yield* guarding
      yield* ask(refused, 40)
      for (let times = 0; times < 40; times++) {
        yield* Fiber.interrupt(yield* Effect.forkChild(guard("m", true)(Effect.never)))
      }
      yield* ask(undefined)
      assert.strictEqual(asked(), 41)
    })
  )

  it.effect("is tried again by one after ten seconds, and by all once it answers", () =>
    Effect.gen(function* () {
      const { ask, asked, guard, open, turnedAway } = yield* guarding
      yield* open
      yield* TestClock.adjust("10 seconds")
      const gate = yield* Deferred.make<void>()
      const probe = yield* Effect.forkChild(guard("m", false)(Deferred.await(gate)), { startImmediately: true })
      expect(yield* turnedAway).toMatchObject({ kind: "circuit open", error: { retryAfterSeconds: 1 } })
      assert.strictEqual(asked(), 20)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(probe)
      // What was before is forgotten.
      yield* ask(down, 19)
      assert.strictEqual(asked(), 39)
      yield* ask(undefined)
      assert.strictEqual(asked(), 40)
    })
  )

  it.effect("when it is tried again is left alone for longer, up to a minute", () =>
    Effect.gen(function* () {
      const { ask, open, turnedAway } = yield* guarding
      yield* open
      for (const [waited, next] of [
        [10, 20],
        [20, 40],
        [40, 60],
        [60, 60]
      ] as const) {
        yield* TestClock.adjust(Duration.seconds(waited))
        yield* ask(down, 1, false)
        expect(yield* turnedAway).toMatchObject({ error: { retryAfterSeconds: next } })
      }
    })
  )

  it.effect("and asks for patience gets it", () =>
    Effect.gen(function* () {
      const { ask, turnedAway } = yield* guarding
      yield* ask(classify({ status: 429, retryAfterMs: 45_000 }), 20)
      expect(yield* turnedAway).toMatchObject({ error: { retryAfterSeconds: 45 } })
    })
  )

  it.effect("says nothing about another", () =>
    Effect.gen(function* () {
      const { call, guard, open } = yield* guarding
      yield* open
      assert.strictEqual(yield* guard("n", true)(call()), "well")
    })
  )

  it.effect("is told of in the log, once each time that changes", () =>
    Effect.gen(function* () {
      const { ask, open } = yield* guarding
      yield* open
      yield* ask(down, 5)
      yield* TestClock.adjust("10 seconds")
      yield* ask(undefined, 5)
      const { lines } = yield* TestLog.TestLog
      assert.deepStrictEqual(
        lines.map((line) => /model m[^"]*/u.exec(line)?.[0]),
        [
          "model m fails too often: it is left alone for a while",
          "model m: trying it again",
          "model m: it answers again"
        ]
      )
    }).pipe(Effect.provide(TestLog.layer))
  )
})
