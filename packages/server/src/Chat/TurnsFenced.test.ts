import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { randomUUID } from "node:crypto"
import { freePort } from "../../bench/Processes.ts"
import { ServerProcess, start } from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, newcomer, type Person, say, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

// Two servers: seconds to start, on a busy machine many.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** How the client of the frozen server asks, where its answer is held up, and the status it is told in the end. */
const cases = [
  {
    held: (stop: Effect.Effect<void>) => ({ beforeHeaders: stop }),
    told: (person: Person, message_id: string) =>
      Effect.map(say(person, "Hello", { message_id }), ({ status }): unknown => status)
  },
  {
    held: (stop: Effect.Effect<void>) => ({ afterChunks: { count: 1, stop } }),
    told: (person: Person, message_id: string) =>
      Effect.map(events(person, "Hello", { message_id }), (all) => all.at(-1)?.data.status)
  }
]

layer(ServerProcess.layer, { excludeTestServices: true })("a server that was frozen until its lease ran out", (it) => {
  it.effect("writes nothing when it goes on, and tells its client so", () =>
    Effect.gen(function* () {
      const first = yield* ServerProcess
      const sql = yield* SqlClient.SqlClient
      const stub = yield* StubModel
      const second = yield* Effect.provide(start({ ...first.options, port: yield* freePort }), NodeServices.layer)
      for (const { held, told } of cases) {
        yield* stub.reset
        const person = yield* newcomer
        const message_id = randomUUID()
        const gate = yield* Deferred.make<void>()
        yield* stub.enqueue(Reply.text("Too late.", held(Deferred.await(gate))))
        const turn = yield* Effect.forkChild(told(person, message_id))
        yield* stub.nextCall
        yield* first.freeze
        // A lease lasts 30 s on the database's clock; here it is moved.
        yield* sql`UPDATE sessions SET lease_expires_at = now() WHERE session_id = ${person.session_id}`
        yield* stub.enqueue(Reply.text("In its place."))
        const taken = yield* Effect.provideService(answer(person, "Hello", { message_id }), TestServer, second.client)
        yield* Deferred.succeed(gate, undefined)
        yield* first.thaw
        assert.strictEqual(yield* Fiber.join(turn), 409)
        assert.deepStrictEqual(yield* transcript(person), [
          ["user", "Hello"],
          ["assistant", "In its place."]
        ])
        // What it spent is paid for all the same.
        assert.sameMembers(
          (yield* sql`SELECT message_id FROM usage WHERE session_id = ${person.session_id}`).map(
            (row) => row["message_id"]
          ),
          [null, taken.message.id]
        )
        yield* answer(person, "What did we say?")
        const shown = (yield* stub.calls)
          .at(-1)
          ?.request.messages.slice(1)
          .map((message) => message.content)
        assert.deepStrictEqual(shown, ["Hello", "In its place.", "What did we say?"])
      }
    })
  )
})
