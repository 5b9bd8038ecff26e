import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { rawRequest } from "../../test/rawRequest.ts"
import { newcomer, sessions } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

layer(TestServer.layer, { excludeTestServices: true })("a path", (it) => {
  for (const sign of [";", "#"])
    it.effect(`does not end at a ${sign}: what is behind it is asked for, or nothing`, () =>
      Effect.gen(function* () {
        const { url } = yield* TestServer
        const { session_id, token } = yield* newcomer
        const path = `/api/v1/chat/sessions/${session_id}${sign}x/messages`
        const headers = { authorization: `Bearer ${token}` }
        const { status, text } = yield* rawRequest(url, { method: "DELETE", path, headers })
        assert.strictEqual(status, 422)
        assert.include(text, '"field":"session_id"')
        assert.strictEqual((yield* sessions("GET", `/${session_id}`, token)).status, 200)
      })
    )
})
