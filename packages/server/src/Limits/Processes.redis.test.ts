import { NodeServices } from "@effect/platform-node"
import { assert, layer, vi } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { freePort } from "../../bench/Processes.ts"
import { RealRedis } from "../../test/RealRedis.ts"
import * as ServerProcess from "../../test/ServerProcess.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"

// Two servers to start, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const serving = Effect.gen(function* () {
  const { url: database } = yield* TestDatabase.make
  const { url } = yield* RealRedis
  const settings = { RATE_LIMIT_DEFAULT: "120 per hour", REDIS_URL: url }
  const server = Effect.flatMap(freePort, (port) =>
    ServerProcess.start({ database, modelUrl: "http://127.0.0.1:9/v1", port, settings })
  )
  return [yield* server, yield* server] as const
})

layer(Layer.provideMerge(RealRedis.layer, NodeServices.layer), { excludeTestServices: true })(
  "two server processes on one Redis",
  (it) => {
    it.effect("let through what the limit says, of five hundred requests, a hundred at a time", () =>
      Effect.gen(function* () {
        const servers = yield* serving
        const token = yield* servers[0].client.register
        const ask = ({ client }: (typeof servers)[number]) => client.ask("GET", "/v1/users/me", { token })
        const replies = yield* Effect.forEach(
          Array.from({ length: 500 }, (_, index) => servers[index % 2 === 0 ? 0 : 1]),
          ask,
          { concurrency: 100 }
        )
        const counts = [200, 429].map((status) => replies.filter((reply) => reply.status === status).length)
        assert.deepStrictEqual(counts, [120, 380])
        for (const { headers, status } of replies) {
          assert.strictEqual(headers.get("ratelimit-policy"), '"default";q=120;w=3600')
          assert.strictEqual(headers.has("retry-after"), status === 429)
        }
      })
    )
  }
)
