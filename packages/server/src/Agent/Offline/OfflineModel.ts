/** An OpenAI-compatible endpoint on loopback: without a key Parley still answers, over the path a real model takes. */
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Context, Duration, Effect, Layer, Random, Result, Stream } from "effect"
import {
  HttpIncomingMessage,
  HttpMiddleware,
  HttpRouter,
  HttpServer,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { createServer } from "node:http"
import * as Request from "./ChatCompletionRequest.ts"
import * as Response from "./ChatCompletionResponse.ts"
import * as StandIn from "./StandIn.ts"

export class OfflineModel extends Context.Service<
  OfflineModel,
  {
    /** `ChatOpenAI`'s `configuration.baseURL`: `http://127.0.0.1:<port>/v1`. Any key and any model name will do. */
    readonly baseUrl: string
  }
>()("@parley/server/OfflineModel") {
  /** Listens on a free port for as long as its scope is open. */
  static layerPaced(pausePerWord: Duration.Input): Layer.Layer<OfflineModel> {
    return Layer.effect(
      OfflineModel,
      Effect.suspend(() => make(pausePerWord, StandIn.reply))
    )
  }

  /** Says something else than the stand-in does, at once: such as a judgement. */
  static layerSaying(reply: (request: Request.ChatCompletionRequest) => StandIn.Reply): Layer.Layer<OfflineModel> {
    return Layer.effect(
      OfflineModel,
      Effect.suspend(() => make(0, reply))
    )
  }

  /** Speaks about as fast as a small model does. */
  static readonly layer = OfflineModel.layerPaced("10 millis")
}

/** The model that every answer says it comes from, so that nobody takes or pays it for the one that was asked for. */
export const modelId = "parley-offline"

/**
 * `HttpRouter.layer` is memoized like any layer: `HttpRouter.serve` would put these routes on the router of Parley's
 * own server, inside of whose layers this one is built. A router made by hand is shared with nobody.
 */
const make = Effect.fnUntraced(function* (
  pausePerWord: Duration.Input,
  reply: (request: Request.ChatCompletionRequest) => StandIn.Reply
) {
  const router = yield* HttpRouter.make
  yield* router.add("POST", "/v1/chat/completions", (request) =>
    complete(request, Duration.fromInputUnsafe(pausePerWord), reply)
  )
  yield* router.add("GET", "/v1/models", HttpServerResponse.jsonUnsafe(Response.modelsBody([modelId])))
  yield* router.add("*", "*", (request) =>
    Effect.succeed(refuse(404, { message: `No such URL: ${request.method} ${request.url}` }))
  )
  const server = yield* NodeHttpServer.make(createServer, {
    host: "127.0.0.1",
    port: 0,
    // An answer nobody can read any more need not be finished.
    disablePreemptiveShutdown: true
  })
  yield* server.serve(router.asHttpEffect()).pipe(
    // It stands for somebody else's service: Parley's traces and limits end before it.
    Effect.provideService(HttpMiddleware.TracerDisabledWhen, () => true),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, undefined)
  )
  return { baseUrl: `${HttpServer.formatAddress(server.address)}/v1` }
}, Effect.orDie)

const complete = Effect.fnUntraced(
  function* (
    httpRequest: HttpServerRequest.HttpServerRequest,
    pausePerWord: Duration.Duration,
    reply: (request: Request.ChatCompletionRequest) => StandIn.Reply
  ) {
    const decoded = Request.decodeRequest(yield* httpRequest.text)
    if (Result.isFailure(decoded)) return refuse(400, decoded.failure)
    const request = decoded.success
    // Not a counter: a conversation outlives the process, and an id must not return in it.
    const id = (yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)
    const answer = answerOf(request, reply(request), id)
    const envelope: Response.Envelope = {
      id: `chatcmpl-${id}`,
      model: modelId,
      createdSeconds: Math.floor((yield* Clock.currentTimeMillis) / 1000)
    }
    const usage: Response.Usage = {
      promptTokens: Request.countPromptTokens(request),
      completionTokens: Response.countCompletionTokens(answer),
      cachedTokens: 0
    }
    if (request.stream !== true) return HttpServerResponse.jsonUnsafe(Response.completionBody(answer, envelope, usage))
    const wanted = Request.wantsUsage(request) ? usage : undefined
    const { closing, deltas, opening } = Response.streamEvents(Response.encodeAnswer(answer), envelope, wanted)
    return HttpServerResponse.stream(
      Stream.fromIterable(deltas, { chunkSize: 1 }).pipe(
        Stream.tap(() => Effect.sleep(pausePerWord)),
        (paced) => Stream.concat(Stream.succeed(opening), paced),
        Stream.concat(Stream.succeed(closing)),
        Stream.encodeText
      ),
      { headers: Response.streamHeaders }
    )
  },
  // The body did not arrive whole.
  Effect.catch((error) => Effect.succeed(refuse(400, error)))
)

const answerOf = (request: Request.ChatCompletionRequest, reply: StandIn.Reply, id: string): Response.Answer => {
  if (reply._tag === "Use") {
    const call: Request.ToolCall = {
      id: `call_${id}`,
      type: "function",
      function: { name: reply.tool, arguments: JSON.stringify(reply.input) }
    }
    return { content: [], toolCalls: [call], finishReason: "tool_calls" }
  }
  const codePoints = [...reply.text]
  const most = Request.maxTokens(request) * Request.codePointsPerToken
  return codePoints.length <= most
    ? { content: Response.words(reply.text), toolCalls: [], finishReason: "stop" }
    : { content: Response.words(codePoints.slice(0, most).join("")), toolCalls: [], finishReason: "length" }
}

const refuse = (status: number, error: Parameters<typeof Response.errorBody>[0]) =>
  HttpServerResponse.jsonUnsafe(Response.errorBody({ message: error.message, param: error.param }), { status })
