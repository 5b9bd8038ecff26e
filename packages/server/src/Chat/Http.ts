import { NodeHttpServerRequest } from "@effect/platform-node"
import { Api } from "@parley/domain/Api"
import { CurrentUser } from "@parley/domain/Users"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Metrics } from "../Telemetry/Metrics.ts"
import * as Sse from "./Sse.ts"
import { Turns } from "./Turns.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "chat",
  Effect.fn(function* (handlers) {
    const turns = yield* Turns
    const metrics = yield* Metrics

    return handlers.handleAll({
      send: ({ payload }) => Effect.flatMap(CurrentUser, ({ id }) => turns.take(id, payload)),
      stream: ({ payload, request }) =>
        Effect.flatMap(CurrentUser, ({ id }) =>
          Effect.tap(
            Sse.respond(
              (onEvent) => turns.take(id, payload, onEvent),
              Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy())
            ),
            () => metrics.streamBegan
          )
        ),
      cancel: ({ params }) => Effect.flatMap(CurrentUser, ({ id }) => turns.cancel(id, params.session_id))
    })
  })
)
