/** The server as a process: its rooms on a real network, database and model. */
import { Layer } from "effect"
import { Agent } from "./Agent/Agent.ts"
import { ModelEndpoint } from "./Agent/ModelEndpoint.ts"
import { Tools } from "./Agent/Tools/Tools.ts"
import * as Boot from "./Boot.ts"
import * as Http from "./Http.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings/Settings.ts"
import * as Database from "./Sql/Database.ts"
import { Metrics } from "./Telemetry/Metrics.ts"
import * as Tracing from "./Telemetry/Tracing.ts"
import { Prices } from "./Usage/Prices.ts"

Server.layer.pipe(
  Layer.provide(Http.layerServer),
  Layer.provide(Agent.layer),
  Layer.provide([ModelEndpoint.layer, Tools.layer, Prices.layer, Database.layer]),
  Layer.provide(Tracing.layer),
  Layer.provide(Metrics.layer),
  Layer.provide(Settings.layerChecked),
  Layer.provide(Boot.layer),
  Layer.launch,
  Boot.serve
)
