/** What the server is made of. */
import { Layer } from "effect"
import { Agent } from "./Agent/Agent.ts"
import { AgentMemory } from "./Agent/AgentMemory.ts"
import { Auth } from "./Auth/Auth.ts"
import * as Boot from "./Boot.ts"
import { Turns } from "./Chat/Turns.ts"
import { Health } from "./Health/Health.ts"
import * as Http from "./Http.ts"
import { Sessions } from "./Sessions/Sessions.ts"
import * as Settings from "./Settings/Settings.ts"
import * as Database from "./Sql/Database.ts"
import { Prices } from "./Usage/Prices.ts"
import { Users } from "./Users/Users.ts"

const Rooms = Layer.mergeAll(Health.layer, Auth.layer, Sessions.layer, Turns.layer).pipe(
  Layer.provide(Agent.layer),
  Layer.provideMerge(Layer.mergeAll(AgentMemory.layer, Prices.layer, Users.layer))
)

const Server = Http.layer.pipe(
  Layer.provide(Rooms),
  Layer.provide(Database.layer),
  Layer.provide(Settings.layerChecked),
  Layer.provide(Boot.layer)
)

Boot.run(Layer.launch(Server))
