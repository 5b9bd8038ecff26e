import type { CurrentUser } from "@parley/domain/Users"
import { Context, type Tracer } from "effect"

/** What becomes known of a request on its way, for its line in the log: written by whoever learns it. */
export interface RequestFacts {
  /** Template of the route, never the path, which has ids in it. */
  route: string
  /** Of whoever has proved it, by a token that was checked. */
  login: CurrentUser["Service"] | undefined
  /** Of who asks, past the proxies that are trusted. */
  readonly clientAddress: string
  /** The first span of the request's trace here. */
  readonly span: Tracer.Span | undefined
}

/** Those of the request that this fiber serves. Outside a request nobody reads them. */
export const RequestFacts = Context.Reference<RequestFacts>("@parley/server/Telemetry/RequestFacts", {
  defaultValue: () => ({ route: "none", login: undefined, clientAddress: "unknown", span: undefined })
})
