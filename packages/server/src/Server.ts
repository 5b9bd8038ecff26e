/** The rooms, and the API in front of them. Open are the seams that tests and other hosts supply in their own way. */
import { Layer } from "effect"
import { AgentMemory } from "./Agent/AgentMemory.ts"
import { Auth } from "./Auth/Auth.ts"
import { Billing } from "./Billing/Billing.ts"
import { Business } from "./Business/Business.ts"
import { Turns } from "./Chat/Turns.ts"
import { Export } from "./Export/Export.ts"
import { Health } from "./Health/Health.ts"
import * as Http from "./Http.ts"
import { Limits } from "./Limits/Limits.ts"
import { Sessions } from "./Sessions/Sessions.ts"
import * as Drain from "./Shutdown/drain.ts"
import { Shutdown } from "./Shutdown/Shutdown.ts"
import { Usage } from "./Usage/Usage.ts"
import { Users } from "./Users/Users.ts"

const Rooms = Layer.mergeAll(Health.layer, Turns.layer, Export.layer, Limits.layer, Business.layer).pipe(
  Layer.provideMerge(Layer.mergeAll(Auth.layer, Sessions.layer, Usage.layer, Billing.layer)),
  Layer.provideMerge(Layer.mergeAll(AgentMemory.layer, Users.layer))
)

/** Wants `HttpServer`, `SqlClient`, `Metrics`, `Agent`, `Prices`, and what Node has: files, randomness, digests. */
export const layer = Drain.layer.pipe(
  Layer.provideMerge(Http.layer),
  Layer.provide(Rooms),
  Layer.provide(Shutdown.layer)
)
