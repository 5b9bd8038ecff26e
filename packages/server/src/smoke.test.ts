import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { TestServer } from "../test/TestServer.ts"

layer(TestServer.layer, { excludeTestServices: true })("the server", (it) => {
  it.effect("answers a turn", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const session_id = yield* server.openSession(token)
      const reply = yield* server.ask("POST", "/v1/chat", { token, body: { session_id, content: "Hello" } })
      assert.strictEqual(reply.status, 200, reply.text)
    })
  )
})
