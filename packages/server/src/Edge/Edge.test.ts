import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { rawRequest } from "../../test/rawRequest.ts"
import { logged } from "../../test/TestLog.ts"
import { type Ask, TestServer } from "../../test/TestServer.ts"

const ask = (method: string, path: string, options?: Ask) =>
  Effect.flatMap(TestServer, (server) => server.ask(method, path, options))

layer(TestServer.layer, { excludeTestServices: true })("every answer", (it) => {
  it.effect("repeats a request id that is well formed, also on errors", () =>
    Effect.gen(function* () {
      for (const path of ["/health", "/nowhere", "/api/v1/users/me", "/docs"]) {
        const { headers } = yield* ask("GET", path, { headers: { "x-request-id": "client-made_1.2" } })
        assert.strictEqual(headers.get("x-request-id"), "client-made_1.2", path)
      }
    })
  )

  for (const [what, id] of [
    ["too short", "abc"],
    ["too long", "a".repeat(129)],
    ["with a space", "abc def ghi"],
    ["with a quote", 'abc"defghi'],
    ["with markup", "<script>abc"],
    ["with other letters", "anfrage-nümmer"]
  ] as const)
    it.effect(`has an id of its own when the one sent is ${what}`, () =>
      Effect.gen(function* () {
        const { url } = yield* TestServer
        const { headers } = yield* rawRequest(url, { method: "GET", path: "/health", headers: { "x-request-id": id } })
        assert.match(String(headers["x-request-id"]), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/u)
      })
    )

  it.effect("is a line in the log, with the route's template and never the path", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const session = yield* server.openSession(token)
      const headers = { "x-request-id": "logged-request" }
      yield* ask("GET", `/v1/chat/sessions/${session}?limit=1`, { token, headers })
      const [line, ...more] = yield* logged("logged-request")
      assert.isEmpty(more)
      assert.deepInclude(line, { message: "request", level: "INFO" })
      assert.deepInclude(line, {
        method: "GET",
        route: "/api/v1/chat/sessions/:session_id",
        status: 200
      })
      assert.match(String(line?.["client_address"]), /^(?:::1|(?:::ffff:)?127\.0\.0\.1)$/u)
      assert.match(String(line?.["user_id"]), /^[0-9a-f-]{36}$/u)
      assert.isNumber(line?.["duration_ms"])
      assert.notInclude(JSON.stringify(line), session)
    })
  )

  it.effect("is a line in the log when there is no such route, too", () =>
    Effect.gen(function* () {
      yield* ask("GET", "/nowhere/at/all", { headers: { "x-request-id": "logged-nowhere" } })
      const [line] = yield* logged("logged-nowhere")
      assert.deepInclude(line, { method: "GET", route: "none", status: 404 })
      assert.notProperty(line, "user_id")
    })
  )

  it.effect("is 404 where there is no route", () =>
    Effect.gen(function* () {
      for (const path of [
        "/nowhere",
        "/api/v1",
        "/api/v1/nowhere",
        "/api/v2/chat",
        "/HEALTH",
        "/health/",
        "/docs/",
        "/health;a=b",
        "/api/v1/users/me/",
        "/api/v1//users/me",
        "/health//live",
        "/api/v1/chat/sessions/%E0%A4%A"
      ]) {
        const { headers, json, status } = yield* ask("GET", path)
        assert.strictEqual(status, 404, path)
        assert.deepStrictEqual(json, { detail: "Not found" }, path)
        assert.strictEqual(headers.get("content-type"), "application/json", path)
      }
    })
  )

  for (const [method, path, allow] of [
    ["GET", "/api/v1/auth/login", "POST, OPTIONS"],
    ["HEAD", "/api/v1/auth/login", "POST, OPTIONS"],
    ["PROPFIND", "/api/v1/auth/login", "POST, OPTIONS"],
    ["POST", "/api/v1/users/me", "GET, PATCH, DELETE, HEAD, OPTIONS"],
    ["PUT", "/api/v1/chat/sessions", "POST, GET, HEAD, OPTIONS"],
    ["PUT", "/api/v1/chat/sessions/7", "GET, PATCH, DELETE, HEAD, OPTIONS"],
    ["POST", "/health/live", "GET, HEAD, OPTIONS"],
    ["DELETE", "/docs", "GET, HEAD, OPTIONS"],
    ["POST", "/openapi.json", "GET, HEAD, OPTIONS"]
  ] as const)
    it.effect(`is 405 to ${method} ${path}, and tells what is allowed`, () =>
      Effect.gen(function* () {
        const { headers, json, status } = yield* ask(method, path)
        assert.strictEqual(status, 405)
        assert.strictEqual(headers.get("allow"), allow)
        if (method !== "HEAD") assert.deepStrictEqual(json, { detail: "Method not allowed" })
      })
    )

  it.effect("to OPTIONS tells what is allowed, and has nothing else to say", () =>
    Effect.gen(function* () {
      const { headers, status, text } = yield* ask("OPTIONS", "/api/v1/chat")
      assert.strictEqual(status, 204)
      assert.strictEqual(headers.get("allow"), "POST, OPTIONS")
      assert.strictEqual(text, "")
      assert.strictEqual((yield* ask("OPTIONS", "/nowhere")).status, 404)
    })
  )

  it.effect("to HEAD is that to GET without its body", () =>
    Effect.gen(function* () {
      const got = yield* ask("GET", "/health/live")
      const { headers, status, text } = yield* ask("HEAD", "/health/live")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("content-length"), got.headers.get("content-length"))
      assert.strictEqual(text, "")
    })
  )

  it.effect("says how to authenticate when nobody has", () =>
    Effect.gen(function* () {
      for (const authorization of [undefined, "", "Bearer", "Bearer ", "Basic YTpi", "Token abc", "abc"]) {
        const headers = authorization === undefined ? {} : { authorization }
        const reply = yield* ask("GET", "/v1/users/me", { headers })
        assert.strictEqual(reply.status, 401, authorization)
        assert.deepStrictEqual(reply.json, { detail: "Not authenticated" }, authorization)
        assert.strictEqual(reply.headers.get("www-authenticate"), "Bearer", authorization)
      }
      const garbage = yield* ask("GET", "/v1/users/me", { token: "abc" })
      assert.deepStrictEqual(garbage.json, { detail: "Invalid or expired token" })
      assert.strictEqual(garbage.headers.get("www-authenticate"), "Bearer")
    })
  )

  it.effect("is the same however the scheme is written", () =>
    Effect.gen(function* () {
      const token = yield* Effect.flatMap(TestServer, (server) => server.register)
      for (const scheme of ["bearer", "BEARER", "Bearer "])
        assert.strictEqual(
          (yield* ask("GET", "/v1/users/me", { headers: { authorization: `${scheme} ${token}` } })).status,
          200
        )
    })
  )
})

layer(TestServer.layerWith({ settings: { MAX_BODY_BYTES: "1000" } }), { excludeTestServices: true })("a body", (it) => {
  const send = Effect.fnUntraced(function* (bytes: number, chunked: boolean) {
    const { url } = yield* TestServer
    const body = JSON.stringify({ email: "" }).padEnd(bytes, " ")
    const half = Math.floor(bytes / 2)
    return yield* rawRequest(url, {
      method: "POST",
      path: "/api/v1/auth/register",
      headers: { "content-type": "application/json", ...(chunked ? {} : { "content-length": String(bytes) }) },
      chunks: [body.slice(0, half), body.slice(half)]
    })
  })

  for (const chunked of [false, true]) {
    const how = chunked ? "of which the length is not told" : "of which the length is told"
    it.effect(`${how} is read up to MAX_BODY_BYTES`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* send(1000, chunked)).status, 422)
        const { headers, status, text } = yield* send(1001, chunked)
        assert.strictEqual(status, 413)
        assert.strictEqual(text, '{"detail":"Request body too large"}')
        assert.isString(headers["x-request-id"])
      })
    )
  }

  it.effect("that goes on and on is not waited for", () =>
    Effect.map(send(5_000_000, true), ({ status }) => assert.strictEqual(status, 413))
  )
})
