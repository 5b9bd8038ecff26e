/** Two servers that share a database and a model, as replicas do; each has a pool of its own. */
import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { Context, Effect, Layer } from "effect"
import { Agent } from "../src/Agent/Agent.ts"
import { CheckpointRepo } from "../src/Agent/CheckpointRepo.ts"
import { ModelBreaker } from "../src/Agent/ModelBreaker.ts"
import * as BoundedClient from "../src/Sql/BoundedClient.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import { StubModel } from "./StubModel.ts"
import * as TestLog from "./TestLog.ts"
import { layerConfig, TestServer } from "./TestServer.ts"
import * as Wire from "./Wire.ts"

/** Models that fail people at random would be left alone before long. */
const agent = Agent.layerNoDeps.pipe(
  Layer.provide([CheckpointRepo.layer, Layer.succeed(ModelBreaker, { guard: () => (call) => call })])
)

type Server = TestServer["Service"]

export class TwoServers extends Context.Service<TwoServers, readonly [Server, Server]>()(
  "@parley/server/test/TwoServers"
) {
  /** The servers reach the database through the `Wire`; the test does so directly. */
  static readonly layerWith = (settings: Readonly<Record<string, string>>) =>
    Layer.effect(
      TwoServers,
      Effect.gen(function* () {
        const { url } = yield* Wire.Wire
        const database = BoundedClient.layerFrom(
          BoundedClient.make({ url, maxConnections: 5, multiplex: true, answerTimeout: "5 seconds" })
        )
        const server = Effect.map(
          Layer.build(
            Layer.fresh(TestServer.layerNoDeps({ agent }).pipe(Layer.provide(database), Layer.provide(Metrics.layer)))
          ),
          Context.get(TestServer)
        )
        return TwoServers.of([yield* server, yield* server])
      })
    ).pipe(
      Layer.provideMerge(Layer.mergeAll(StubModel.layer, TestLog.layer, Wire.layerDirect)),
      Layer.provide(layerConfig(settings)),
      Layer.provideMerge(Layer.merge(NodeCrypto.layer, NodeServices.layer))
    )
}
