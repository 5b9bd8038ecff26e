import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { StubModel } from "../test/StubModel.ts"
import { answer, say, startTurn, transcript } from "../test/TestChat.ts"
import * as TestDatabase from "../test/TestDatabase.ts"
import * as TestLog from "../test/TestLog.ts"
import { layerConfig, TestServer } from "../test/TestServer.ts"
import { Metrics } from "./Telemetry/Metrics.ts"

/** The clock of a machine that is an hour ahead. */
const ahead = Effect.map(Clock.Clock, (clock): Clock.Clock => {
  const millis = () => clock.currentTimeMillisUnsafe() + Duration.toMillis("1 hour")
  const nanos = () => clock.currentTimeNanosUnsafe() + Duration.toNanosUnsafe("1 hour")
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
})

class Skewed extends Context.Service<Skewed, readonly [TestServer["Service"], TestServer["Service"]]>()(
  "@parley/server/test/Skewed"
) {
  /** One server with the right time, one that is ahead. */
  static readonly layer = Layer.effect(
    Skewed,
    Effect.gen(function* () {
      const server = Effect.map(
        Layer.build(Layer.fresh(TestServer.layerNoDeps({}).pipe(Layer.provide(Metrics.layer)))),
        Context.get(TestServer)
      )
      return [yield* server, yield* Effect.provideService(server, Clock.Clock, yield* ahead)] as const
    })
  ).pipe(
    Layer.provideMerge(Layer.mergeAll(StubModel.layer, TestLog.layer, TestDatabase.layer)),
    Layer.provide(layerConfig({ JWT_ACCESS_TOKEN_EXPIRE_HOURS: "2" })),
    Layer.provideMerge(Layer.merge(NodeCrypto.layer, NodeServices.layer))
  )
}

const Tokens = Schema.Struct({
  access_token: Schema.String,
  refresh_token: Schema.String,
  expires_at: Schema.String
})

layer(Skewed.layer, { excludeTestServices: true })("a server whose clock is an hour ahead", (it) => {
  it.effect("respects the turns of others, as others do its own", () =>
    Effect.gen(function* () {
      const [right, early] = yield* Skewed
      for (const [here, there] of [
        [right, early],
        [early, right]
      ] as const) {
        const token = yield* right.register
        const person = { token, session_id: yield* here.openSession(token) }
        const { letAnswer, reply } = yield* Effect.provideService(startTurn(person), TestServer, here)
        assert.strictEqual((yield* Effect.provideService(say(person, "Hello"), TestServer, there)).status, 409)
        yield* letAnswer
        assert.strictEqual((yield* reply).status, 200)
        yield* Effect.provideService(answer(person, "And now?"), TestServer, there)
        const said = yield* Effect.provideService(transcript(person), TestServer, here)
        assert.deepStrictEqual(
          said.map(([, content]) => content),
          ["Slowly", "At last.", "And now?", "The stub has spoken."]
        )
      }
      const sql = yield* SqlClient.SqlClient
      assert.isEmpty(yield* sql`SELECT FROM sessions WHERE lease_token IS NOT NULL`)
    })
  )

  it.effect("takes the tokens of others while they have more than an hour to live, and its own are taken", () =>
    Effect.gen(function* () {
      const [right, early] = yield* Skewed
      const status = (server: TestServer["Service"], token: string) =>
        Effect.map(server.ask("GET", "/v1/users/me", { token }), (reply) => reply.status)
      const credentials = { email: "both@example.com", password: "Correct-horse-7" }
      yield* right.ask("POST", "/v1/auth/register", { body: credentials })
      for (const [here, there] of [
        [right, early],
        [early, right]
      ] as const) {
        const login = yield* here.ask("POST", "/v1/auth/login", { body: credentials })
        assert.strictEqual(login.status, 200)
        const { access_token, expires_at, refresh_token } = yield* Schema.decodeUnknownEffect(Tokens)(login.json)
        const hours = (Date.parse(expires_at) - Date.now()) / Duration.toMillis("1 hour")
        assert.approximately(hours, here === early ? 3 : 2, 0.1)
        assert.strictEqual(yield* status(there, access_token), 200)
        const refreshed = yield* there.ask("POST", "/v1/auth/refresh", { body: { refresh_token } })
        assert.strictEqual(refreshed.status, 200)
      }
    })
  )
})
