import { NodeHttpServerRequest } from "@effect/platform-node"
import { Api } from "@parley/domain/Api"
import { RateLimited } from "@parley/domain/Limits"
import { type ChatCompletionRequest, OpenAiAuthorization, OpenAiBoundary } from "@parley/domain/OpenAi"
import { Authorization, CurrentUser } from "@parley/domain/Users"
import { Cause, Clock, Effect, Layer, Predicate } from "effect"
import { SecureRandom } from "effect/crypto"
import { HttpApiBuilder } from "effect/http-api"
import { HttpServerError } from "effect/http"
import { Agent, type Said } from "../Agent/Agent.ts"
import type { Request } from "../Chat/Completions.ts"
import * as Boundary from "../Edge/Boundary.ts"
import * as Sse from "../Chat/Sse.ts"
import { Turns } from "../Chat/Turns.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { chunks, completionOf } from "./chunks.ts"
import { inOpenAiShape, respond } from "./refusals.ts"

const saidOf = ({ content, role }: ChatCompletionRequest["messages"][number]): Said => ({
  role: role === "developer" ? "system" : role,
  content: Predicate.isString(content) ? content : content.map(({ text }) => text).join("\n")
})

const requestOf = (id: string, payload: ChatCompletionRequest): Request => ({
  id,
  model: payload.model,
  messages: payload.messages.map(saidOf),
  temperature: payload.temperature ?? undefined,
  maxTokens: payload.max_completion_tokens ?? payload.max_tokens ?? undefined,
  // A text of no length ends nothing, and providers refuse it.
  stop: [payload.stop ?? []].flat().filter((text) => text !== "")
})

const nowSeconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

export const layer = HttpApiBuilder.group(
  Api,
  "openai",
  Effect.fn(function* (handlers) {
    const { models } = yield* Agent
    const turns = yield* Turns
    const metrics = yield* Metrics
    const random = yield* SecureRandom.SecureRandom
    const startedSeconds = yield* nowSeconds

    return handlers.handleAll({
      models: () =>
        Effect.succeed({
          object: "list" as const,
          data: models.map((id) => ({ id, object: "model" as const, created: startedSeconds, owned_by: "parley" }))
        }),
      completions: ({ payload, request }) =>
        Effect.gen(function* () {
          const { id: userId } = yield* CurrentUser
          const asked = requestOf(yield* random.uuidV7(), payload)
          const head = { id: `chatcmpl-${asked.id}`, created: yield* nowSeconds, model: payload.model }
          if (payload.stream !== true) return completionOf(head, yield* turns.complete(userId, asked))
          const encoding = chunks(head, payload.stream_options?.include_usage === true)
          const drop = Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy())
          return yield* Effect.tap(
            Sse.respondWith((onEvent) => turns.complete(userId, asked, onEvent), drop, encoding),
            metrics.streamBegan
          )
          // Errors of the contract are in the shape of the rest of the API: here they have OpenAI's.
        }).pipe(Effect.catch((failure) => Effect.succeed(respond(failure))))
    })
  })
)

/** The checks of the rest of the API, and what they refuse in OpenAI's shape. */
export const layerMiddleware = Layer.mergeAll(
  Layer.effect(
    OpenAiAuthorization,
    Effect.map(Authorization, ({ bearer }) =>
      OpenAiAuthorization.of({
        bearer: (httpEffect, options) =>
          Effect.catchTag(bearer(httpEffect, options), "Unauthorized", (error) => Effect.succeed(respond(error)))
      })
    )
  ),
  Layer.effect(
    OpenAiBoundary,
    Effect.map(RateLimited, (limited) =>
      OpenAiBoundary.of((httpEffect, options) =>
        Boundary.around(
          Effect.catchTag(limited(httpEffect, options), "RateLimitExceeded", (error) => Effect.succeed(respond(error))),
          options
        ).pipe(
          Effect.catchTags({
            ValidationError: (error) => Effect.succeed(respond(error)),
            InternalServerError: (error) => Effect.succeed(respond(error)),
            ServiceUnavailable: (error) => Effect.succeed(respond(error))
          }),
          // What the boundary lets die is a refusal: a body that is too large, or breaks off.
          Effect.catchCauseIf(
            (cause) => Cause.hasDies(cause),
            (cause) => Effect.map(HttpServerError.causeResponse(cause), ([response]) => response)
          ),
          Effect.map(inOpenAiShape)
        )
      )
    )
  )
)
