import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { newcomer, say } from "../../test/TestChat.ts"
import { logged, TestLog } from "../../test/TestLog.ts"
import { TestServer } from "../../test/TestServer.ts"
import { Agent } from "../Agent/Agent.ts"

/** Swapping a layer is this: the server as it is, with an agent that breaks. */
const dying = Effect.die(new Error("password is hunter2"))
const broken = Layer.succeed(Agent, { answer: () => dying, complete: () => dying, models: [] })

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

layer(TestServer.layer, { excludeTestServices: true })("a turn whose model refuses the key", (it) => {
  it.effect("is a warning in the log, which says what to look at", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.enqueue(Reply.refusal({ status: 401 }))
      const reply = yield* say(yield* newcomer, "Hello")
      const lines = yield* logged(reply.headers.get("x-request-id") ?? "")
      const told = lines.map(({ check, level, message, status }) => [level, message.split(" ")[0], status, check])
      assert.deepStrictEqual(told, [
        ["WARN", "model", undefined, "LLM_API_KEY"],
        ["WARN", "request", 502, undefined]
      ])
    })
  )
})

const asked = Deferred.makeUnsafe<void>()
const gate = Deferred.makeUnsafe<void>()
const brokenLater = Layer.succeed(Agent, {
  complete: () => dying,
  models: [],
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
