import { assert, layer } from "@effect/vitest"
import { Api } from "@parley/domain/Api"
import { RateLimited } from "@parley/domain/Limits"
import { OpenAiBoundary } from "@parley/domain/OpenAi"
import { Effect } from "effect"
import { HttpApi } from "effect/http-api"
import { randomUUID } from "node:crypto"
import { listen, newcomer, say } from "../../test/TestChat.ts"
import { type Ask, type Reply, TestServer } from "../../test/TestServer.ts"

const ask = (method: string, path: string, options?: Ask) =>
  Effect.flatMap(TestServer, (server) => server.ask(method, path, options))

const me = (token: string) => ask("GET", "/v1/users/me", { token })

/** What a caller is told of limits. */
const told = ({ headers }: Pick<Reply, "headers">) => ({
  policy: headers.get("ratelimit-policy"),
  state: headers.get("ratelimit"),
  retryAfter: headers.get("retry-after")
})

/** How many of so many requests at once get through. */
const passed = <E, R>(times: number, request: Effect.Effect<Reply, E, R>) =>
  Effect.map(
    Effect.all(
      Array.from({ length: times }, () => request),
      { concurrency: "unbounded" }
    ),
    (replies) => replies.filter(({ status }) => status !== 429).length
  )

/** Every endpoint, with something in the place of what its path leaves open. */
const endpoints: Array<{ method: string; path: string; isLimited: boolean }> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint: { method, middlewares, path } }) => {
    const isLimited = middlewares.has(RateLimited) || middlewares.has(OpenAiBoundary)
    endpoints.push({ method, path: path.replaceAll(/:\w+/gu, randomUUID()), isLimited })
  }
})

layer(TestServer.layer, { excludeTestServices: true })("every endpoint", (it) => {
  for (const { isLimited, method, path } of endpoints)
    it.effect(`${method} ${path.replaceAll(/[0-9a-f-]{36}/gu, "...")} is ${isLimited ? "limited" : "free"}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(isLimited, path.includes("/v1/"))
        const reply = yield* ask(method, path)
        assert.strictEqual(reply.headers.has("ratelimit"), isLimited, reply.text)
        assert.strictEqual(reply.headers.has("ratelimit-policy"), isLimited)
      })
    )

  it.effect("but what only explains the API", () =>
    Effect.gen(function* () {
      for (const path of ["/docs", "/openapi.json"]) {
        const reply = yield* ask("GET", path)
        assert.strictEqual(reply.status, 200)
        assert.isFalse(reply.headers.has("ratelimit"), path)
      }
    })
  )
})

const small = {
  RATE_LIMIT_DEFAULT: "6 per day, 4 per 2 hours",
  RATE_LIMIT_CHAT: "2 per minute",
  RATE_LIMIT_CHAT_STREAM: "1 per minute",
  RATE_LIMIT_LOGIN: "3 per minute"
}

layer(TestServer.layerWith({ settings: small }), { excludeTestServices: true })("a limit", (it) => {
  it.effect("is told with each response, and what is left of it", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const first = told(yield* say(person, "Hello"))
      assert.deepStrictEqual(first, { policy: '"chat";q=2;w=60', state: '"chat";r=1;t=60', retryAfter: null })
      const second = yield* say(person, " ")
      assert.strictEqual(second.status, 422)
      assert.match(told(second).state ?? "", /^"chat";r=0;t=(?:60|[1-5]\d)$/u)
    })
  )

  it.effect("refuses what is too much, and says until when", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      for (let n = 0; n < 2; n++) yield* say(person, "Hello")
      const refused = yield* say(person, "Hello")
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.text, '{"detail":"Rate limit exceeded: 2 per 1 minute"}')
      const { policy, retryAfter, state } = told(refused)
      assert.strictEqual(policy, '"chat";q=2;w=60')
      assert.strictEqual(state, `"chat";r=0;t=${retryAfter}`)
      assert.isAtLeast(Number(retryAfter), 1)
      assert.isAtMost(Number(retryAfter), 60)
      assert.isTrue(refused.headers.has("x-request-id"))
    })
  )

  it.effect("is told with a stream, and refuses one before it begins", () =>
    Effect.gen(function* () {
      const person = yield* newcomer
      const first = yield* listen(person, "Hello")
      assert.strictEqual(first.response.status, 200)
      assert.strictEqual(told(first.response).state, '"chat-stream";r=0;t=60')
      const second = yield* listen(person, "Hello")
      assert.strictEqual(second.response.status, 429)
      assert.strictEqual(second.response.headers.get("content-type"), "application/json")
    })
  )

  it.effect("of everything without one of its own is shared, in each of its windows", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const second = told(yield* me(token))
      assert.strictEqual(second.policy, '"default-2-hours";q=4;w=7200, "default-day";q=6;w=86400')
      assert.match(second.state ?? "", /^"default-2-hours";r=2;t=(?:7200|71\d\d), "default-day";r=4;t=86[34]\d\d$/u)
      assert.strictEqual(yield* passed(5, ask("GET", "/v1/chat/sessions", { token })), 2)
      const refused = yield* ask("GET", "/v1/users/me/usage", { token })
      assert.strictEqual(refused.text, '{"detail":"Rate limit exceeded: 4 per 2 hours"}')
      assert.match(told(refused).state ?? "", /^"default-2-hours";r=0;t=(?:7200|71\d\d)$/u)
    })
  )

  it.effect("lets exactly so many through of five hundred at once", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      assert.strictEqual(yield* passed(500, me(token)), 3)
    })
  )

  it.effect("counts each account by itself, and requests with a bad token by their address", () =>
    Effect.gen(function* () {
      const people = yield* Effect.all([newcomer, newcomer])
      for (const { token } of people) assert.strictEqual((yield* me(token)).status, 200)
      const guesses = yield* passed(10, me("guess"))
      assert.strictEqual(guesses, 4)
      assert.strictEqual((yield* ask("GET", "/v1/users/me")).status, 429)
      for (const { token } of people) assert.strictEqual((yield* me(token)).status, 200)
    })
  )

  it.effect("of logins counts their address, whoever else is logged in there", () =>
    Effect.gen(function* () {
      const { token } = yield* newcomer
      const login = ask("POST", "/v1/auth/login", { token, body: {} })
      assert.strictEqual(yield* passed(5, login), 3)
      assert.strictEqual((yield* me(token)).status, 200)
    })
  )
})
