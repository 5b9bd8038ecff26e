import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, expect, it, layer } from "@effect/vitest"
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import type { ChatOpenAI } from "@langchain/openai"
import { Clock, Context, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream, Tracer } from "effect"
import { FetchHttpClient, HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import { chatModel, invoke, post, stream } from "../../../test/StubModelClient.ts"
import { countTokens } from "./ChatCompletionRequest.ts"
import { modelId, OfflineModel } from "./OfflineModel.ts"

const currentTime = {
  type: "function",
  function: { name: "current_time", parameters: { type: "object", properties: {} } }
} as const

const chunksOf = (model: Pick<ChatOpenAI, "stream">, prompt: string) => Stream.runCollect(stream(model, prompt))

const get = (url: string) =>
  Effect.flatMap(HttpClient.get(url), (response) =>
    Effect.map(response.json, (body) => ({ status: response.status, body }))
  )

layer(Layer.merge(OfflineModel.layerPaced(0), FetchHttpClient.layer), { excludeTestServices: true })(
  "OfflineModel",
  (it) => {
    it.effect("answers ChatOpenAI, with usage and the name of what really answered", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const answer = yield* invoke(chatModel(baseUrl), "hello")
        assert.include(answer.text, "Hello!")
        assert.strictEqual(answer.response_metadata["model_name"], modelId)
        expect(answer).toMatchObject({ usage_metadata: { input_tokens: 6, output_tokens: countTokens(answer.text) } })
      })
    )

    it.effect("streams the same answer word by word, and its usage at the end", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const model = chatModel(baseUrl)
        const whole = yield* invoke(model, "hello")
        const chunks = yield* chunksOf(model, "hello")
        assert.strictEqual(chunks.map((chunk) => chunk.text).join(""), whole.text)
        assert.isAbove(chunks.filter((chunk) => chunk.text !== "").length, 20)
        expect(chunks.at(-1)).toMatchObject({
          usage_metadata: { input_tokens: 6, output_tokens: countTokens(whole.text) }
        })
        assert.lengthOf(
          chunks.filter((chunk) => chunk.usage_metadata !== undefined),
          1
        )
      })
    )

    it.effect("gives every answer an id of its own, or LangGraph would take two for one", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const answers = yield* Effect.all([invoke(chatModel(baseUrl), "hello"), invoke(chatModel(baseUrl), "hello")])
        assert.strictEqual(new Set(answers.map((answer) => answer.id)).size, 2)
      })
    )

    it.effect("calls a tool and then states what it answered", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const model = chatModel(baseUrl).bindTools([currentTime])
        const question = new HumanMessage("what time is it?")
        const asked = yield* invoke(model, [question])
        const calls = asked.tool_calls ?? []
        assert.deepStrictEqual(
          calls.map(({ args, name }) => ({ args, name })),
          [{ name: "current_time", args: {} }]
        )
        const results = calls.map((call) => new ToolMessage({ content: "noon", tool_call_id: call.id ?? "" }))
        const answer = yield* invoke(model, [question, asked, ...results])
        assert.include(answer.text, "The tool current_time answered: noon")
      })
    )

    it.effect("stops at the token limit and says so", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const chunks = yield* chunksOf(chatModel(baseUrl, 5), "hello")
        assert.lengthOf([...chunks.map((chunk) => chunk.text).join("")], 20)
        expect(chunks.at(-1)).toMatchObject({ usage_metadata: { output_tokens: 5 } })
        assert.isTrue(chunks.some((chunk) => chunk.response_metadata["finish_reason"] === "length"))
      })
    )

    it.effect("refuses a tool call left unanswered, as the provider would", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        const dangling = new AIMessage({ content: "", tool_calls: [{ id: "call_1", name: "current_time", args: {} }] })
        const error = yield* Effect.flip(
          invoke(chatModel(baseUrl), [new HumanMessage("hi"), dangling, new HumanMessage("hi?")])
        )
        expect(error.cause).toMatchObject({ status: 400, type: "invalid_request_error", param: "messages.2" })
      })
    )

    it.effect("answers a body that is no request with 400 in OpenAI's shape", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        for (const body of ["{", "[]", `{"model":"m","messages":"hi"}`]) {
          const response = yield* post(baseUrl, body)
          assert.strictEqual(response.status, 400)
          expect(yield* response.json).toMatchObject({ error: { type: "invalid_request_error", code: null } })
        }
      })
    )

    it.effect("lists its model, and knows no other URL", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* OfflineModel
        expect(yield* get(`${baseUrl}/models`)).toMatchObject({ status: 200, body: { data: [{ id: modelId }] } })
        expect(yield* get(`${baseUrl}/embeddings`)).toMatchObject({ status: 404, body: { error: { code: null } } })
      })
    )
  }
)

describe("OfflineModel beside another server", () => {
  class OfflineUrl extends Context.Service<OfflineUrl, string>()("test/OfflineUrl") {}

  const Ping = HttpRouter.add("GET", "/ping", HttpServerResponse.text("pong"))
  // As in Parley: some room among the routes needs the offline model, so it is built while they are.
  const NeedsOffline = Layer.effect(
    OfflineUrl,
    Effect.map(OfflineModel, ({ baseUrl }) => baseUrl.replace("/v1", ""))
  )

  const Parley = HttpRouter.serve(Layer.merge(Ping, NeedsOffline.pipe(Layer.provide(OfflineModel.layer))), {
    disableLogger: true,
    disableListenLog: true
  }).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })))

  const statusOf = (url: string) => Effect.map(HttpClient.get(url), (response) => response.status)

  it.live("shares no route with the server that is built around it", () =>
    Effect.gen(function* () {
      const parley = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      const offline = yield* OfflineUrl
      assert.deepStrictEqual(
        yield* Effect.forEach(["/ping", "/v1/models"], (path) =>
          Effect.all({ parley: statusOf(parley + path), offline: statusOf(offline + path) })
        ),
        [
          { parley: 200, offline: 404 },
          { parley: 404, offline: 200 }
        ]
      )
    }).pipe(Effect.provide([Parley, FetchHttpClient.layer]))
  )
})

describe("OfflineModel's life", () => {
  /** A clock on which nobody ever wakes: tells when somebody fell asleep, and when that sleep was given up. */
  const stoppedClock = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const asleep = yield* Deferred.make<void>()
    const givenUp = yield* Deferred.make<void>()
    const sleep = () =>
      Deferred.succeed(asleep, undefined).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Deferred.succeed(givenUp, undefined))
      )
    return {
      asleep,
      givenUp,
      layer: Layer.succeed(
        Clock.Clock,
        new Proxy(clock, {
          get: (target, key) => (key === "sleep" ? sleep : Reflect.get(target, key, target))
        })
      )
    }
  })

  it.live("stops speaking when its reader goes away", () =>
    Effect.gen(function* () {
      const clock = yield* stoppedClock
      const offline = yield* Layer.build(OfflineModel.layer.pipe(Layer.provide(clock.layer)))
      const reader = yield* Effect.forkChild(chunksOf(chatModel(Context.get(offline, OfflineModel).baseUrl), "hello"))
      yield* Deferred.await(clock.asleep)
      yield* Fiber.interrupt(reader)
      yield* Deferred.await(clock.givenUp)
    })
  )

  it.live("ends with its scope, in the middle of an answer too", () =>
    Effect.gen(function* () {
      const clock = yield* stoppedClock
      const scope = yield* Scope.make()
      const offline = yield* Layer.buildWithScope(OfflineModel.layer.pipe(Layer.provide(clock.layer)), scope)
      const { baseUrl } = Context.get(offline, OfflineModel)
      const reader = yield* Effect.forkChild(Effect.exit(chunksOf(chatModel(baseUrl), "hello")))
      yield* Deferred.await(clock.asleep)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(reader)))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(HttpClient.get(`${baseUrl}/models`))))
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.live("leaves no span in Parley's traces", () =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          names.push(options.name)
          return new Tracer.NativeSpan(options)
        }
      })
      const offline = yield* Layer.build(
        OfflineModel.layerPaced(0).pipe(Layer.provide(Layer.succeed(Tracer.Tracer, tracer)))
      )
      yield* invoke(chatModel(Context.get(offline, OfflineModel).baseUrl), "hello")
      assert.deepStrictEqual(names, [])
    })
  )
})
