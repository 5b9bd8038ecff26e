import { Api } from "@parley/domain/Api"
import { Authorization, CurrentUser, Unauthorized } from "@parley/domain/Users"
import { Context, Effect, Layer, Redacted, References } from "effect"
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
    // Every request of somebody comes by here: what its handler is given is given at once.
    const asLogin = <A, E>(httpEffect: Effect.Effect<A, E, CurrentUser>, login: CurrentUser["Service"]) =>
      Effect.updateContext(httpEffect, (context: Context.Context<never>) => {
        const annotations = Context.get(context, References.CurrentLogAnnotations)
        return context.pipe(
          Context.add(CurrentUser, login),
          Context.add(References.CurrentLogAnnotations, { ...annotations, user_id: login.id })
        )
      })
    return Authorization.of({
      bearer: (httpEffect, { credential }) =>
        Redacted.value(credential) === ""
          ? Effect.fail(new Unauthorized({ detail: "Not authenticated" }))
          : Effect.flatMap(RequestFacts, (facts) =>
              // The limits have checked a good token already.
              facts.login === undefined
                ? Effect.flatMap(auth.authenticate(credential), (login) => asLogin(httpEffect, login))
                : asLogin(httpEffect, facts.login)
            )
    })
  })
)
