import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestServer } from "../../test/TestServer.ts"
import { Agent } from "../Agent/Agent.ts"

const friend = "https://app.example.com"
const stranger = "https://evil.example.com"

const from = (origin: string, method: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(TestServer, (server) => server.ask(method, path, { headers: { origin, ...headers } }))

const preflight = (origin: string, path: string) =>
  from(origin, "OPTIONS", path, {
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization,content-type,x-request-id"
  })

const namesOf = (headers: Headers, name: string) => (headers.get(name) ?? "").split(/, ?/u)

const corsHeaders = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith("access-control-"))

const serverWith = (CORS_ORIGINS: string) => TestServer.layerWith({ settings: { CORS_ORIGINS } })

for (const [how, origins] of [
  ["one origin", friend],
  ["some origins", ` http://localhost:3000 , ${friend}`]
] as const)
  layer(serverWith(origins), { excludeTestServices: true })(`a server that lets ${how} in`, (it) => {
    it.effect("tells their pages before a call what they may send, wherever they ask", () =>
      Effect.gen(function* () {
        for (const path of ["/api/v1/chat/sessions/7", "/api/v1/users/me", "/health"]) {
          const { headers, status, text } = yield* preflight(friend, path)
          assert.strictEqual(status, 204)
          assert.strictEqual(text, "")
          assert.strictEqual(headers.get("access-control-allow-origin"), friend)
          assert.deepStrictEqual(namesOf(headers, "access-control-allow-methods"), [
            "GET",
            "HEAD",
            "POST",
            "PATCH",
            "DELETE"
          ])
          assert.deepStrictEqual(namesOf(headers, "access-control-allow-headers"), [
            "authorization",
            "content-type",
            "x-request-id"
          ])
          assert.strictEqual(headers.get("access-control-max-age"), "3600")
          assert.include(namesOf(headers, "vary"), "Origin")
          assert.isTrue(headers.has("x-request-id"))
          assert.isTrue(headers.has("x-content-type-options"))
        }
      })
    )

    it.effect("lets their pages read answers, errors and what they need of the headers", () =>
      Effect.gen(function* () {
        const json = { "content-type": "application/json" }
        for (const [method, path, status] of [
          ["GET", "/health", 200],
          ["GET", "/api/v1/users/me", 401],
          ["GET", "/nowhere", 404],
          ["PUT", "/health", 405],
          ["POST", "/api/v1/auth/login", 422]
        ] as const) {
          const { headers, ...reply } = yield* from(friend, method, path, json)
          assert.strictEqual(reply.status, status)
          assert.strictEqual(headers.get("access-control-allow-origin"), friend, path)
          assert.deepStrictEqual(namesOf(headers, "access-control-expose-headers"), [
            "X-Request-Id",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy"
          ])
          assert.include(namesOf(headers, "vary"), "Origin")
        }
      })
    )

    it.effect("does not let others in, nor anybody with cookies", () =>
      Effect.gen(function* () {
        for (const origin of [stranger, "null", `${friend}.evil.example`, `${friend}:8443`, "http://app.example.com"]) {
          for (const ask of [preflight(origin, "/api/v1/chat"), from(origin, "GET", "/health")]) {
            const { headers } = yield* ask
            assert.isFalse(headers.has("access-control-allow-origin"), origin)
            assert.include(namesOf(headers, "vary"), "Origin")
          }
        }
        assert.isFalse((yield* preflight(friend, "/health")).headers.has("access-control-allow-credentials"))
      })
    )

    it.effect("still tells who asks by OPTIONS which methods a path has", () =>
      Effect.gen(function* () {
        const { headers, status } = yield* from(friend, "OPTIONS", "/api/v1/chat")
        assert.strictEqual(status, 204)
        assert.strictEqual(headers.get("allow"), "POST, OPTIONS")
      })
    )
  })

const dying = Effect.die(new Error("of a defect"))
const Dying = Layer.succeed(Agent, { answer: () => dying, complete: () => dying, models: ["dying"] })

layer(TestServer.layerWith({ settings: { CORS_ORIGINS: friend }, agent: Dying }), { excludeTestServices: true })(
  "a server that fails",
  (it) => {
    it.effect("lets pages read that it has", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const token = yield* server.register
        const session_id = yield* server.openSession(token)
        const { headers, status } = yield* server.ask("POST", "/v1/chat", {
          token,
          body: { session_id, content: "Hello" },
          headers: { origin: friend }
        })
        assert.strictEqual(status, 500)
        assert.strictEqual(headers.get("access-control-allow-origin"), friend)
      })
    )
  }
)

layer(serverWith("*"), { excludeTestServices: true })("a server that lets everybody in", (it) => {
  it.effect("says so, and never with cookies", () =>
    Effect.gen(function* () {
      for (const { headers } of [yield* preflight(stranger, "/health"), yield* from(stranger, "GET", "/health")]) {
        assert.strictEqual(headers.get("access-control-allow-origin"), "*")
        assert.isFalse(headers.has("access-control-allow-credentials"))
      }
    })
  )
})

layer(TestServer.layer, { excludeTestServices: true })("a server that lets nobody in", (it) => {
  it.effect("has no word about it", () =>
    Effect.gen(function* () {
      for (const { headers } of [yield* preflight(friend, "/api/v1/chat"), yield* from(friend, "GET", "/health")])
        assert.deepStrictEqual(corsHeaders(headers), [])
    })
  )
})
