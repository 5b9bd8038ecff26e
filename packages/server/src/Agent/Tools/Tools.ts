import { Context, Layer } from "effect"
import { currentTime } from "./CurrentTime.ts"
import type { Tool } from "./Tool.ts"

/** The tools the agent is given. A tool added to the list is offered to the model; nothing else needs to know. */
export class Tools extends Context.Service<Tools, ReadonlyArray<Tool>>()("@parley/server/Agent/Tools") {
  static readonly layer = Layer.succeed(Tools, [currentTime])
}
