import { Api } from "@parley/domain/Api"
import { CurrentUser } from "@parley/domain/Users"
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Usage } from "./Usage.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "usage",
  Effect.fn(function* (handlers) {
    const usage = yield* Usage

    return handlers.handle("month", ({ query }) =>
      Effect.flatMap(CurrentUser, ({ id }) => usage.spent(id, query.month))
    )
  })
)
