import { Api } from "@parley/domain/Api"
import { CurrentUser, Unauthorized } from "@parley/domain/Users"
import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Users } from "./Users.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fn(function* (handlers) {
    const users = yield* Users

    return handlers.handle("me", () =>
      Effect.gen(function* () {
        const user = yield* users.findById((yield* CurrentUser).id)
        // The account can go between the check of the token and this look at it.
        if (Option.isNone(user)) return yield* new Unauthorized({ detail: "Invalid or expired token" })
        return user.value
      })
    )
  })
)
