/** Counts every request to an endpoint that has a limit, before anything else is done for it. */
import { Limit, RateLimited, StreamedLimit } from "@parley/domain/Limits"
import { OpenAiAuthorization } from "@parley/domain/OpenAi"
import { Authorization } from "@parley/domain/Users"
import { Context, Effect, Layer, Predicate } from "effect"
import { HttpApiBuilder, type HttpApiEndpoint } from "effect/http-api"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Auth } from "../Auth/Auth.ts"
import { RequestFacts } from "../Telemetry/RequestFacts.ts"
import { networkOf } from "./networkOf.ts"
import { Limits } from "./Limits.ts"

const credential = HttpApiBuilder.securityDecode(Authorization.security.bearer)

const wantsStream = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ json }) =>
  Effect.map(json, (body) => Predicate.hasProperty(body, "stream") && body.stream === true)
)

/** Of a body that cannot be read the endpoint will say so. */
const limitOf = ({ annotations }: HttpApiEndpoint.Top) => {
  const name = Context.get(annotations, Limit)
  const streamed = Context.get(annotations, StreamedLimit)
  return streamed === undefined
    ? Effect.succeed(name)
    : wantsStream.pipe(
        Effect.map((isStreamed) => (isStreamed ? streamed : name)),
        Effect.catchCause(() => Effect.succeed(name))
      )
}

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
      const wantsLogin = endpoint.middlewares.has(Authorization) || endpoint.middlewares.has(OpenAiAuthorization)
      return Effect.gen(function* () {
        const facts = yield* RequestFacts
        if (wantsLogin) facts.login = yield* login
        const caller =
          facts.login === undefined ? `address:${networkOf(facts.clientAddress)}` : `user:${facts.login.id}`
        // The body of somebody unknown is not read for this.
        const name = facts.login === undefined ? Context.get(endpoint.annotations, Limit) : yield* limitOf(endpoint)
        const { error, headers } = yield* limits.take(name, caller)
        yield* HttpEffect.appendPreResponseHandler((_request, response) =>
          Effect.succeed(HttpServerResponse.setHeaders(response, headers))
        )
        return yield* error ?? httpEffect
      })
    })
  })
)
