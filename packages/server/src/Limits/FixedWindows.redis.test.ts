import { NodeRedis, NodeServices } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { suite } from "../../test/fixedWindowSuite.ts"
import { RealRedis } from "../../test/RealRedis.ts"
import { makeRedis } from "./FixedWindows.ts"

const layerRedis = Layer.effect(RateLimiter.RateLimiterStore, makeRedis).pipe(
  Layer.provide(Layer.unwrap(Effect.map(RealRedis, ({ url }) => NodeRedis.layer({ url })))),
  Layer.provide(RealRedis.layer),
  Layer.provide(NodeServices.layer)
)

suite("in Redis", layerRedis)
