/**
 * A scriptable OpenAI-compatible server for tests: real HTTP on loopback, answers as told, remembers what it was asked.
 * Run it as a process of its own with `stub-model.ts`.
 */
import { Context, Deferred, Effect, Layer, Queue } from "effect"
import type { Scope } from "effect"
import type { ChatCompletionRequest } from "../src/Agent/Offline/ChatCompletionRequest.ts"
import * as Reply from "./StubModelReply.ts"
import { listen } from "./StubModelServer.ts"
import type { Arrival, Ending, Stats } from "./StubModelServer.ts"

export interface Call extends Arrival {
  /** From 0, in the order of arrival. */
  readonly index: number
  /** Waits until the answer is out or the client has gone; `by: "client"` is the upstream closed by Parley. */
  readonly ended: Effect.Effect<Ending>
}

/** Called once for each call that finds no reply in the queue. */
export type Handler = (request: ChatCompletionRequest, index: number) => Reply.Reply

export interface StubModelService {
  /** What `ChatOpenAI` takes as `configuration.baseURL`: `http://127.0.0.1:<port>/v1`. */
  readonly baseUrl: string
  /** Answers the next calls, in this order, before the handler is asked. */
  readonly enqueue: (...replies: ReadonlyArray<Reply.Reply>) => Effect.Effect<void>
  /** Answers all calls the queue does not. At first every call gets one short text. */
  readonly handle: (handler: Handler) => Effect.Effect<void>
  /** The next call that nobody has taken yet; waits for it to arrive. */
  readonly nextCall: Effect.Effect<Call>
  /** All calls since the start or the last `reset`, oldest first. */
  readonly calls: Effect.Effect<ReadonlyArray<Call>>
  readonly stats: Effect.Effect<Stats>
  /** Forgets replies, handler, calls and counts. Calls that are open stay open. */
  readonly reset: Effect.Effect<void>
}

export class StubModel extends Context.Service<StubModel, StubModelService>()("@parley/server/test/StubModel") {
  /** For a test that needs two models at once. */
  static readonly make: Effect.Effect<StubModelService, never, Scope.Scope> = Effect.gen(function* () {
    const arrivals = yield* Queue.unbounded<Call>()
    let replies: Array<Reply.Reply> = []
    let handler = defaultHandler
    let calls: Array<Call> = []

    const server = yield* listen((arrival) => {
      const ended = Deferred.makeUnsafe<Ending>()
      const call: Call = { ...arrival, index: calls.length, ended: Deferred.await(ended) }
      calls.push(call)
      Queue.offerUnsafe(arrivals, call)
      return {
        reply: replies.shift() ?? handler(arrival.request, call.index),
        ended: (ending) => void Deferred.doneUnsafe(ended, Effect.succeed(ending))
      }
    })

    return {
      baseUrl: server.baseUrl,
      enqueue: (...more) => Effect.sync(() => void replies.push(...more)),
      handle: (next) =>
        Effect.sync(() => {
          handler = next
        }),
      nextCall: Queue.take(arrivals),
      calls: Effect.sync(() => [...calls]),
      stats: server.stats,
      reset: Effect.sync(() => {
        replies = []
        handler = defaultHandler
        calls = []
      }).pipe(Effect.andThen(Queue.clear(arrivals)), Effect.andThen(server.resetStats))
    }
  })

  static readonly layer: Layer.Layer<StubModel> = Layer.effect(StubModel, StubModel.make)
}

const defaultReply = Reply.text("The stub has spoken.")
const defaultHandler: Handler = () => defaultReply
