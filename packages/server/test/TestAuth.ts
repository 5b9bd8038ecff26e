/** Accounts and logins on a database of the test's own, without a server in front of them. */
import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { Email } from "@parley/domain/Users"
import { Effect, Layer, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { Auth } from "../src/Auth/Auth.ts"
import { Users } from "../src/Users/Users.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import * as TestDatabase from "./TestDatabase.ts"
import * as TestLog from "./TestLog.ts"
import { layerConfig } from "./TestServer.ts"

export const layerSettings = (settings: Readonly<Record<string, string>> = {}) =>
  Layer.merge(layerConfig(settings), Layer.merge(NodeCrypto.layer, NodeServices.layer))

/** Another server on the same database, set up in this way. */
export const anotherServer = (settings?: Readonly<Record<string, string>>) =>
  Layer.fresh(Auth.layer).pipe(Layer.provideMerge(Users.layer), Layer.provide([layerSettings(settings), Metrics.layer]))

export const layer = anotherServer().pipe(Layer.provideMerge(Layer.merge(TestDatabase.layer, TestLog.layer)))

export const password = Redacted.make("Correct-horse-7")

/** A new account with one login. */
export const newcomer = Effect.gen(function* () {
  const auth = yield* Auth
  const email = Email.make(`${randomUUID()}@example.com`)
  return { email, ...(yield* auth.register({ email, password })) }
})
