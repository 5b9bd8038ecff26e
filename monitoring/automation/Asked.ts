/** GET and POST of an endpoint, within a time, with failures that a person can read. */
import { Context, type Duration, Effect, Option, Schema } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { plain } from "./Paint.ts"
import type { Endpoint } from "./settings.ts"

/** It does not answer, or not with what was asked for. */
export class NotAnswered extends Schema.TaggedError<NotAnswered>()("NotAnswered", {
  url: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `${this.url} ${this.reason}`
  }
}

/** How long one answer may take. */
export const AnswerWithin = Context.Reference<Duration.Input>("@parley/monitoring/AnswerWithin", {
  defaultValue: () => "20 seconds"
})

const shown = 200
export const shortened = (text: string) => {
  const line = plain(text)
  return line.length > shown ? `${line.slice(0, shown)} ...` : line
}

const authorized = ({ password, username }: Endpoint) =>
  Option.match(password, {
    onNone: () => (request: HttpClientRequest.HttpClientRequest) => request,
    onSome: (found) => HttpClientRequest.basicAuth(username, found)
  })

/** What is known of a failure to reach a server: the reason of the reason, as a rule. */
export const reasonOf = (error: unknown): string => {
  let innermost = error
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause
  if (innermost instanceof AggregateError) innermost = innermost.errors[0]
  return innermost instanceof Error ? innermost.message : String(innermost)
}

/** The answer, whatever its status. */
export const ask = Effect.fnUntraced(function* <A, E>(
  endpoint: Endpoint,
  request: HttpClientRequest.HttpClientRequest,
  read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E>
) {
  const client = yield* HttpClient.HttpClient
  const duration = yield* AnswerWithin
  const failed = (reason: string) => new NotAnswered({ url: endpoint.url, reason })
  return yield* client.execute(request.pipe(HttpClientRequest.prependUrl(endpoint.url), authorized(endpoint))).pipe(
    Effect.mapError((error) => failed(`cannot be reached: ${shortened(reasonOf(error))}`)),
    Effect.flatMap((response) =>
      Effect.mapError(read(response), (error) =>
        error instanceof NotAnswered ? error : failed(`answered what cannot be read: ${shortened(reasonOf(error))}`)
      )
    ),
    Effect.timeoutOrElse({ duration, orElse: () => Effect.fail(failed("does not answer in time")) })
  )
})
