import { Api } from "@parley/domain/Api"
import { CurrentUser, Unauthorized } from "@parley/domain/Users"
import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Auth } from "../Auth/Auth.ts"
import { Users } from "./Users.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "users",
  Effect.fn(function* (handlers) {
    const users = yield* Users

    const auth = yield* Auth

    return handlers.handleAll({
      me: () =>
        Effect.gen(function* () {
          const user = yield* users.findById((yield* CurrentUser).id)
          // The account can go between the check of the token and this look at it.
          if (Option.isNone(user)) return yield* new Unauthorized({ detail: "Invalid or expired token" })
          return user.value
        }),
      changeEmail: ({ payload }) =>
        Effect.flatMap(CurrentUser, (login) => auth.changeEmail(login, payload.email, payload.current_password)),
      changePassword: ({ payload }) =>
        Effect.flatMap(CurrentUser, (login) =>
          auth.changePassword(login, payload.current_password, payload.new_password)
        ),
      delete: ({ payload }) =>
        Effect.flatMap(CurrentUser, (login) => auth.deleteAccount(login, payload.current_password))
    })
  })
)
