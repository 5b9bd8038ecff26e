/** Counts every request to an endpoint that has a limit, before anything else is done for it. */
import { Limit, RateLimited } from "@parley/domain/Limits"
import { Authorization, type UserId } from "@parley/domain/Users"
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

    /** The account, where the endpoint wants one and the token is good: so guessing tokens is limited by address. */
    const userId = credential.pipe(
      Effect.flatMap(auth.authenticate),
      Effect.match({ onFailure: () => undefined, onSuccess: ({ id }): UserId | undefined => id })
    )

    return RateLimited.of((httpEffect, { endpoint }) => {
      const name = Context.get(endpoint.annotations, Limit)
      const knownUser = endpoint.middlewares.has(Authorization) ? userId : Effect.succeed(undefined)
      return Effect.gen(function* () {
        const user = yield* knownUser
        const facts = yield* RequestFacts
        const caller = user === undefined ? `address:${networkOf(facts.clientAddress)}` : `user:${user}`
        const { error, headers } = yield* limits.take(name, caller)
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(HttpServerResponse.setHeaders(response, headers))
        )
        return yield* error ?? httpEffect
      })
    })
  })
)
