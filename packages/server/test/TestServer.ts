/** The whole server on a real socket and a real database, with a scripted model behind it. */
import { NodeCrypto, NodeHttpServer, NodeServices } from "@effect/platform-node"
import { ConfigProvider, Context, Effect, Layer, Redacted, Schema } from "effect"
import { HttpServer } from "effect/http"
import { Agent } from "../src/Agent/Agent.ts"
import { ModelEndpoint } from "../src/Agent/ModelEndpoint.ts"
import { Tools } from "../src/Agent/Tools/Tools.ts"
import * as Server from "../src/Server.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"
import * as Tracing from "../src/Telemetry/Tracing.ts"
import { Prices } from "../src/Usage/Prices.ts"
import { StubModel } from "./StubModel.ts"
import * as TestDatabase from "./TestDatabase.ts"
import * as TestLog from "./TestLog.ts"

/** What tests run with unless they say otherwise. */
export const settings = {
  APP_ENV: "test",
  JWT_SECRET_KEY: "a secret for tests, of 32 bytes or more",
  BCRYPT_ROUNDS: "4",
  // No test is limited by accident.
  RATE_LIMIT_DEFAULT: "1000000 per hour",
  RATE_LIMIT_CHAT: "1000000 per hour",
  RATE_LIMIT_CHAT_STREAM: "1000000 per hour",
  RATE_LIMIT_REGISTER: "1000000 per hour",
  RATE_LIMIT_LOGIN: "1000000 per hour",
  RATE_LIMIT_WEBHOOK: "1000000 per hour"
}

export const layerConfig = (more: Readonly<Record<string, string>> = {}) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown({ ...settings, ...more }))

/** What the server shows the model's provider. */
export const modelKey = "sk-the-key-of-these-tests"

/** What stands under the rooms: a database of the test's own, a scripted model, what Node has. Each part can be replaced. */
export const layerModel = Layer.effect(
  ModelEndpoint,
  Effect.map(StubModel, ({ baseUrl }) => ({ baseUrl, apiKey: Redacted.make(modelKey) }))
)

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, if it is JSON. */
  readonly json: unknown
}

export interface Ask {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON unless it is text. */
  readonly body?: unknown
}

/** Below `/api/v1` is where they are unless they say otherwise; what is OpenAI's is elsewhere. */
const pathOf = (path: string) =>
  path.startsWith("/v1") && !/^\/v1\/(?:chat\/completions|models)$/u.test(path) ? `/api${path}` : path

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A running server, as a client sees it: paths are of its own, below `/api/v1` unless they begin elsewhere. */
export class TestServer extends Context.Service<
  TestServer,
  {
    readonly url: string
    /** Interrupting it closes the connection. */
    readonly fetch: (method: string, path: string, ask?: Ask) => Effect.Effect<Response>
    readonly ask: (method: string, path: string, ask?: Ask) => Effect.Effect<Reply>
    /** A new account; its access token. */
    readonly register: Effect.Effect<string>
    /** A new session of the account; its id. */
    readonly openSession: (token: string) => Effect.Effect<string>
  }
>()("@parley/server/test/TestServer") {
  /** For a server that runs elsewhere. */
  static readonly client = (url: string): TestServer["Service"] => {
    let accounts = 0

    const request = (method: string, path: string, { body, headers, token }: Ask = {}) =>
      Effect.promise((signal) =>
        fetch(new URL(pathOf(path), url), {
          method,
          signal,
          headers: {
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...headers
          },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
        })
      )
    const ask = Effect.fnUntraced(function* (method: string, path: string, options?: Ask) {
      const response = yield* request(method, path, options)
      const text = yield* Effect.promise(() => response.text())
      return { status: response.status, headers: response.headers, text, json: parse(text) }
    })
    const field = (name: string, reply: Reply) =>
      Schema.decodeUnknownEffect(Schema.Struct({ [name]: Schema.String }))(reply.json).pipe(
        Effect.map((fields) => fields[name] ?? ""),
        Effect.orDie
      )
    return TestServer.of({
      url,
      fetch: request,
      ask,
      register: Effect.suspend(() =>
        ask("POST", "/v1/auth/register", {
          body: { email: `user${++accounts}@example.com`, password: "Correct-horse-7" }
        })
      ).pipe(Effect.flatMap((reply) => field("access_token", reply))),
      openSession: (token) =>
        Effect.flatMap(ask("POST", "/v1/chat/sessions", { token, body: {} }), (reply) => field("session_id", reply))
    })
  }

  static readonly layerClient = Layer.effect(
    TestServer,
    Effect.map(HttpServer.HttpServer, ({ address }) => TestServer.client(HttpServer.formatAddress(address)))
  )

  /** One server; what it shares with others stays open. */
  static readonly layerNoDeps = (options: {
    readonly agent?: typeof Agent.layer
    readonly tools?: typeof Tools.layer
  }) =>
    Layer.mergeAll(TestServer.layerClient, Server.layer).pipe(
      Layer.provide(options.agent ?? Agent.layer),
      Layer.provideMerge(NodeHttpServer.layerTest),
      Layer.provide([layerModel, options.tools ?? Tools.layer, Prices.layer])
    )

  /** `TestServer`, `StubModel`, the database and what was logged, for one block of tests. */
  static readonly layerWith = (
    options: Parameters<typeof TestServer.layerNoDeps>[0] & {
      readonly settings?: Readonly<Record<string, string>>
      readonly database?: typeof TestDatabase.layer
    }
  ) =>
    TestServer.layerNoDeps(options).pipe(
      Layer.provide(Tracing.layer),
      Layer.provideMerge(
        Layer.mergeAll(StubModel.layer, options.database ?? TestDatabase.layer, TestLog.layer, Metrics.layer)
      ),
      Layer.provide(layerConfig(options.settings)),
      Layer.provideMerge(Layer.merge(NodeCrypto.layer, NodeServices.layer))
    )

  static readonly layer = TestServer.layerWith({})
}
