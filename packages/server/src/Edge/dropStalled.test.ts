import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { dropStalled } from "./dropStalled.ts"

/** Something endless to read, the reader's leave to go on, and whether it was dropped. */
const setUp = <A>(stream: Stream.Stream<A>) =>
  Effect.gen(function* () {
    const dropped = yield* Deferred.make<void>()
    const watched = yield* dropStalled(stream, Deferred.succeed(dropped, undefined))
    const gate = yield* Queue.unbounded<void>()
    yield* Effect.forkScoped(Stream.runForEach(watched, () => Queue.take(gate)))
    return { isDropped: Deferred.isDone(dropped), goOn: Queue.offer(gate, undefined) }
  })

describe("a reader", () => {
  it.effect("is dropped when it has not read for 30 seconds, however long it read before", () =>
    Effect.gen(function* () {
      const { goOn, isDropped } = yield* setUp(Stream.forever(Stream.make("x")))
      for (const _ of [1, 2, 3]) {
        yield* TestClock.adjust("29 seconds")
        yield* goOn
      }
      yield* TestClock.adjust("29 seconds")
      assert.isFalse(yield* isDropped)
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* isDropped)
    })
  )

  it.effect("is not dropped while it waits for what comes, nor after the end", () =>
    Effect.gen(function* () {
      const waiting = yield* setUp(Stream.never)
      const ended = yield* setUp(Stream.make("x"))
      yield* ended.goOn
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual([yield* waiting.isDropped, yield* ended.isDropped], [false, false])
    })
  )
})
