import { Api } from "@parley/domain/Api"
import { Authorization, CurrentUser, Unauthorized } from "@parley/domain/Users"
import { Effect, Layer, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { Auth } from "./Auth.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "auth",
  Effect.fn(function* (handlers) {
    const auth = yield* Auth

    return handlers.handleAll({
      register: ({ payload }) => auth.register(payload),
      login: ({ payload }) => auth.login("username" in payload ? { ...payload, email: payload.username } : payload),
      refresh: ({ payload }) => auth.refresh(payload.refresh_token),
      logout: ({ payload }) => Effect.flatMap(CurrentUser, (login) => auth.logout(login, payload?.everywhere ?? false))
    })
  })
)

/** The bearer check of every endpoint that wants a user. */
export const layerAuthorization = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const auth = yield* Auth
    return Authorization.of({
      bearer: (httpEffect, { credential }) =>
        Redacted.value(credential) === ""
          ? Effect.fail(new Unauthorized({ detail: "Not authenticated" }))
          : Effect.gen(function* () {
              const facts = yield* RequestFacts
              // The limits have checked a good token already.
              const login = facts.login ?? (yield* auth.authenticate(credential))
              return yield* httpEffect.pipe(
                Effect.provideService(CurrentUser, login),
                Effect.annotateLogs({ user_id: login.id })
              )
            })
    })
  })
)
