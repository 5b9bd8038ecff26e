import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { newcomer, say } from "../../test/TestChat.ts"
import { TestLog } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"
import { Agent } from "../Agent/Agent.ts"

/** Swapping a layer is this: the server as it is, with an agent that breaks. */
const broken = Layer.succeed(Agent, { answer: () => Effect.die(new Error("password is hunter2")) })

layer(TestServer.layerWith({ agent: broken }), { excludeTestServices: true })("a turn whose agent is broken", (it) => {
  it.effect("ends with a 500 that tells nothing, and the session goes on", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      for (const _ of [1, 2]) {
        const reply = yield* say(person, "Hello")
        assert.deepStrictEqual([reply.status, reply.json], [500, { detail: "Internal server error" }])
      }
      const { lines } = yield* TestLog
      assert.include(lines.join("\n"), "hunter2")
    })
  )
})

const asked = Deferred.makeUnsafe<void>()
const gate = Deferred.makeUnsafe<void>()
const brokenLater = Layer.succeed(Agent, {
  answer: () =>
    Effect.andThen(Deferred.succeed(asked, undefined), Deferred.await(gate)).pipe(
      Effect.andThen(Effect.die(new Error("nobody listens")))
    )
})

layer(TestServer.layerWith({ agent: brokenLater }), { excludeTestServices: true })("a turn that nobody hears", (it) => {
  it.effect("is heard of in the log when it breaks", () =>
    Effect.gen(function* () {
      const client = yield* Effect.forkChild(say(yield* newcomer, "Hello", { on_disconnect: "continue" }))
      yield* Deferred.await(asked)
      const { lines } = yield* TestLog
      const log = Effect.sync(() => lines.join("\n"))
      yield* Fiber.interrupt(client)
      // The server knows that the client has gone when it has logged its request.
      yield* log.pipe(Effect.repeat({ until: (text) => text.includes('"status":499'), schedule: Schedule.spaced(5) }))
      yield* Deferred.succeed(gate, undefined)
      yield* log.pipe(Effect.repeat({ until: (text) => text.includes("nobody listens"), schedule: Schedule.spaced(5) }))
    })
  )
})
