/** Counts every request to an endpoint that has a limit, before anything else is done for it. */
import { Limit, RateLimited } from "@parley/domain/Limits"
import { Authorization } from "@parley/domain/Users"
import { Context, Effect, Layer } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HttpEffect, HttpServerResponse } from "effect/http"
import { Auth } from "../Auth/Auth.ts"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { networkOf } from "./networkOf.ts"
import { Limits } from "./Limits.ts"

const credential = HttpApiBuilder.securityDecode(Authorization.security.bearer)

export const layer = Layer.effect(
  RateLimited,
  Effect.gen(function* () {
    const auth = yield* Auth
    const limits = yield* Limits

    /** Who has proved to be somebody. A token that is not good makes nobody of a caller: guessing is limited by address. */
    const login = credential.pipe(
      Effect.flatMap(auth.authenticate),
      Effect.match({ onFailure: () => undefined, onSuccess: (login): RequestFacts["login"] => login })
    )

    return RateLimited.of((httpEffect, { endpoint }) => {
      const name = Context.get(endpoint.annotations, Limit)
      const wantsLogin = endpoint.middlewares.has(Authorization)
      return Effect.gen(function* () {
        const facts = yield* RequestFacts
        if (wantsLogin) facts.login = yield* login
        const caller =
          facts.login === undefined ? `address:${networkOf(facts.clientAddress)}` : `user:${facts.login.id}`
        const { error, headers } = yield* limits.take(name, caller)
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(HttpServerResponse.setHeaders(response, headers))
        )
        return yield* error ?? httpEffect
      })
    })
  })
)
