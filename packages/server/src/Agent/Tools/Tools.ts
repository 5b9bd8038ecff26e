import { Context, Effect, Layer, Option } from "effect"
import { currentTime } from "./CurrentTime.ts"
import type { Tool } from "./Tool.ts"
import * as WebSearch from "./WebSearch.ts"

/** The tools the agent is given. A tool added to the list is offered to the model; nothing else needs to know. */
export class Tools extends Context.Service<Tools, ReadonlyArray<Tool>>()("@parley/server/Agent/Tools") {
  static readonly layer = Layer.effect(
    Tools,
    Effect.map(WebSearch.make, (webSearch) => [currentTime, ...Option.toArray(webSearch)])
  )
}
