/** A turn as server-sent events, written by hand: encoding each token through a schema would cost more than the token. */
import { type ChatAnswer, ChatEvent, statusOf, type TurnError } from "@parley/domain/Chat"
import type { InternalServerError, ServiceUnavailable } from "@parley/domain/Errors"
import { Array, Cause, Duration, Effect, Option, Queue, Schema, type Scope, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import type { AgentEvent } from "../Agent/Agent.ts"
import { unexpected } from "../Edge/Boundary.ts"
import { dropStalled } from "../Edge/dropStalled.ts"

/** Events a slow reader may be behind before the model is read no further. */
const maxPendingEvents = 256

/** Proxies close connections on which nothing moves. */
const heartbeatInterval = Duration.seconds(15)

export type Event<A> = AgentEvent | { readonly _tag: "Heartbeat" } | { readonly _tag: "Done"; readonly answer: A }

type Failure = TurnError | ServiceUnavailable

/** How the events of one stream are written: what is ready together, and what ends it instead of an answer. */
export interface Encoding<A, E> {
  readonly events: (batch: ReadonlyArray<Event<A>>) => Uint8Array<ArrayBuffer>
  readonly error: (error: E | InternalServerError | ServiceUnavailable) => Uint8Array<ArrayBuffer>
}

const headers = {
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

/**
 * Answers with the events of `take` as they come; what fails before the first of them is an ordinary error.
 * `take` is interrupted when the client goes. `drop` must close the connection: it is used on a client that stays but
 * does not read.
 */
export const respond = (take: Take<ChatAnswer, Failure>, drop: Effect.Effect<void>) =>
  respondWith(take, drop, turnEvents())

type Take<A, E> = (onEvent: (event: AgentEvent) => Effect.Effect<void>) => Effect.Effect<A, E>

/** The same in other words. */
export const respondWith = Effect.fn("Sse.respond")(function* <A, E>(
  take: Take<A, E>,
  drop: Effect.Effect<void>,
  encoding: Encoding<A, E>
): Effect.fn.Return<HttpServerResponse.HttpServerResponse, E, Scope.Scope> {
  const queue = yield* Effect.acquireRelease(Queue.bounded<Event<A>, E | Cause.Done>(maxPendingEvents), Queue.shutdown)
  yield* take((event) =>
    Effect.suspend(() => (Queue.offerUnsafe(queue, event) ? Effect.void : Effect.asVoid(Queue.offer(queue, event))))
  ).pipe(
    Effect.flatMap((answer) => Queue.offer(queue, { _tag: "Done", answer })),
    Queue.into(queue),
    Effect.forkScoped
  )
  const first = yield* Effect.catchIf(Queue.take(queue), Cause.isDone, Effect.die)

  yield* Effect.sleep(heartbeatInterval).pipe(
    Effect.andThen(Effect.sync(() => Queue.offerUnsafe(queue, { _tag: "Heartbeat" }))),
    Effect.forever,
    Effect.forkScoped
  )

  let batch: Effect.Effect<ReadonlyArray<Event<A>>, E | Cause.Done> = Effect.succeed([first])
  // One pull, not a pipeline of streams: this is done for every token.
  const pull = Effect.suspend(() => {
    const next = batch
    batch = Queue.takeAll(queue)
    return Effect.map(next, (events) => Array.of(encoding.events(events)))
  })
  const events = (yield* dropStalled(Stream.fromPull(Effect.succeed(pull)), drop)).pipe(
    Stream.catchCause((cause) => Stream.fromEffect(Effect.map(failure(cause), encoding.error)))
  )
  return HttpServerResponse.stream(events, { contentType: "text/event-stream", headers })
})

const failure = <E>(cause: Cause.Cause<E>): Effect.Effect<E | InternalServerError | ServiceUnavailable> => {
  const expected = Cause.findErrorOption(cause)
  return Option.isSome(expected) ? Effect.succeed(expected.value) : unexpected(cause)
}

/** Keeps the connection open and says nothing. */
export const comment = ": keep-alive\n\n"

const textEncoder = new TextEncoder()
const encodeDone = Schema.encodeSync(ChatEvent.members[2].fields.data)

const dataOf = (event: Exclude<Event<ChatAnswer>, { readonly _tag: "Heartbeat" }>): string => {
  switch (event._tag) {
    case "Token":
      return `event: token\ndata: ${JSON.stringify({ content: event.content })}`
    case "Tool":
      return `event: tool\ndata: ${JSON.stringify({ name: event.name, status: event.status })}`
    case "Done":
      return `event: done\ndata: ${encodeDone({ message: event.answer.message, usage: event.answer.usage })}`
  }
}

/** Numbers the events of one stream. */
const turnEvents = (): Encoding<ChatAnswer, Failure> => {
  let id = 0
  const numbered = (data: string) => `id: ${++id}\n${data}\n\n`
  return {
    events: (batch) => {
      let text = ""
      for (const event of batch) text += event._tag === "Heartbeat" ? comment : numbered(dataOf(event))
      return textEncoder.encode(text)
    },
    error: (error) => {
      const data = { detail: error.detail, status: statusOf(error) }
      return textEncoder.encode(numbered(`event: error\ndata: ${JSON.stringify(data)}`))
    }
  }
}
