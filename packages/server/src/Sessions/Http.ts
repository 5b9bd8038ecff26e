import { Api } from "@parley/domain/Api"
import { CurrentUser } from "@parley/domain/Users"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Sessions } from "./Sessions.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "sessions",
  Effect.fn(function* (handlers) {
    const sessions = yield* Sessions

    return handlers.handleAll({
      create: ({ payload }) => Effect.flatMap(CurrentUser, ({ id }) => sessions.create(id, payload?.name)),
      list: ({ query }) => Effect.flatMap(CurrentUser, ({ id }) => sessions.list(id, query)),
      get: ({ params }) => Effect.flatMap(CurrentUser, ({ id }) => sessions.get(id, params.session_id)),
      rename: ({ params, payload }) =>
        Effect.flatMap(CurrentUser, ({ id }) => sessions.rename(id, params.session_id, payload.name)),
      delete: ({ params }) => Effect.flatMap(CurrentUser, ({ id }) => sessions.delete(id, params.session_id)),
      messages: ({ params, query }) =>
        Effect.flatMap(CurrentUser, ({ id }) => sessions.messages(id, params.session_id, query)),
      clear: ({ params }) => Effect.flatMap(CurrentUser, ({ id }) => sessions.clear(id, params.session_id))
    })
  })
)
