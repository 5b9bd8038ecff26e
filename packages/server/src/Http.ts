/** The API and its documentation on one Node server. */
import { NodeHttpServer } from "@effect/platform-node"
import { Api } from "@parley/domain/Api"
import { Effect, Layer, Predicate, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, HttpApiSwagger } from "effect/http-api"
import * as App from "./App/Http.ts"
import * as Auth from "./Auth/Http.ts"
import * as PasswordPolicy from "./Auth/PasswordPolicy.ts"
import * as Billing from "./Billing/Http.ts"
import * as Chat from "./Chat/Http.ts"
import * as Boundary from "./Edge/Boundary.ts"
import * as Cors from "./Edge/Cors.ts"
import * as docsPolicy from "./Edge/docsPolicy.ts"
import * as Edge from "./Edge/Edge.ts"
import * as MethodNotAllowed from "./Edge/MethodNotAllowed.ts"
import * as NodeServer from "./Edge/nodeServer.ts"
import * as PathAsSent from "./Edge/PathAsSent.ts"
import { settings } from "./Edge/settings.ts"
import { welcome } from "./Edge/welcome.ts"
import * as Export from "./Export/Http.ts"
import * as Health from "./Health/Http.ts"
import * as Limits from "./Limits/Http.ts"
import * as OpenAi from "./OpenAi/Http.ts"
import * as Sessions from "./Sessions/Http.ts"
import * as Metrics from "./Telemetry/Http.ts"
import * as Usage from "./Usage/Http.ts"
import * as Users from "./Users/Http.ts"

const Handlers = Layer.mergeAll(
  Auth.layer,
  Users.layer,
  Export.layer,
  Usage.layer,
  Sessions.layer,
  Chat.layer,
  Billing.layer,
  OpenAi.layer,
  Health.layer,
  Metrics.layer
)

/** Beside the API: what explains it. */
const paths = { docs: "/docs", openapi: "/openapi.json" } as const

/** Paths are what they are, to each slash; an id of any length gets to where it is refused as no id. */
const routerConfig = {
  caseSensitive: true,
  ignoreDuplicateSlashes: false,
  ignoreTrailingSlash: false,
  maxParamLength: 16_384
}

/** Every route. Wants the services of the rooms, and nothing of the network: tests run it in memory as well. */
export const layerRoutes = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: paths.openapi }).pipe(
    Layer.provide(Handlers),
    Layer.provide(OpenAi.layerMiddleware),
    Layer.provide([Auth.layerAuthorization, Limits.layer, Boundary.layer, PasswordPolicy.layer])
  ),
  HttpApiSwagger.layer(Api, { path: paths.docs }).pipe(Layer.provide(docsPolicy.layer)),
  App.layer,
  // The edge first: what is added later runs inside it.
  PathAsSent.layer.pipe(
    Layer.provide(
      Layer.unwrap(
        Effect.map(App.pages, (pages) =>
          MethodNotAllowed.layer(Api, { pages: [...Object.values(paths), ...pages], routerConfig })
        )
      )
    ),
    Layer.provide(Cors.layer),
    Layer.provide(Edge.layer)
  )
)

export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String
}) {
  override get message(): string {
    const where = `port ${this.port} of ${this.host}`
    return this.code === "EADDRINUSE"
      ? `Cannot listen on ${where}: it is taken. Stop what listens there, or choose another, for example PORT=${this.port + 1}`
      : `Cannot listen on ${where} (${this.code}). Choose others with HOST and PORT`
  }
}

/** Listens on HOST and PORT. The limits are those of `NodeServer` unless a test cannot wait for them. */
export const layerServerWith = (limits: NodeServer.Limits) =>
  Layer.effect(
    HttpServer.HttpServer,
    Effect.gen(function* () {
      const host = yield* settings.host.config
      const port = yield* settings.port.config
      const server = (yield* NodeServer.make(limits))()
      const listening = NodeHttpServer.make(() => server, { host, port, gracefulShutdownTimeout: limits.closeMillis })
      const served = yield* Effect.mapError(listening, ({ cause }) => {
        const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : "unknown reason"
        return new CannotListen({ host, port, code })
      })
      // Connections that are still there had their time.
      yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
      return served
    })
  ).pipe(Layer.provideMerge(NodeHttpServer.layerHttpServices))

export const layerServer = layerServerWith(NodeServer.limits)

/** The routes on whatever server there is. */
export const layer = HttpRouter.serve(layerRoutes, { routerConfig, disableLogger: true, disableListenLog: true }).pipe(
  Layer.tap(() => welcome)
)
