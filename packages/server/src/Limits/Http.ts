/** Counts every request to an endpoint that has a limit, before anything else is done for it. */
import { Limit, RateLimited, type RateLimitExceeded, StreamedLimit } from "@parley/domain/Limits"
import { OpenAiAuthorization } from "@parley/domain/OpenAi"
import { Authorization } from "@parley/domain/Users"
import { Context, Effect, Layer, Predicate, type Types } from "effect"
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
      const name = Effect.succeed(Context.get(endpoint.annotations, Limit))
      const nameByBody = limitOf(endpoint)
      const counted = ({ clientAddress, login }: RequestFacts) => {
        const caller = login === undefined ? `address:${networkOf(clientAddress)}` : `user:${login.id}`
        // The body of somebody unknown is not read for this.
        return Effect.flatMap(login === undefined ? name : nameByBody, (name) =>
          Effect.flatMap(limits.take(name, caller), ({ error, headers }) => {
            const answer: Effect.Effect<HttpServerResponse.HttpServerResponse, RateLimitExceeded | Types.unhandled> =
              error === undefined ? httpEffect : Effect.fail(error)
            return Effect.andThen(
              HttpEffect.appendPreResponseHandler((_request, response) =>
                Effect.succeed(HttpServerResponse.setHeaders(response, headers))
              ),
              answer
            )
          })
        )
      }
      // Every request comes by here: no generator.
      return Effect.flatMap(RequestFacts, (facts) =>
        wantsLogin
          ? Effect.flatMap(login, (login) => {
              facts.login = login
              return counted(facts)
            })
          : counted(facts)
      )
    })
  })
)
