import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { fileURLToPath } from "node:url"
import { type Media, operations, problemsOf, served } from "../test/ApiDocument.ts"
import { TestServer } from "../test/TestServer.ts"

const bodies = (operation: Parameters<typeof operations>[0]["paths"][string][string]) => [
  ...Object.values(operation.requestBody?.content ?? {}),
  ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {}))
]

const examplesOf = (media: Media): ReadonlyArray<unknown> => [
  ...(media.example === undefined ? [] : [media.example]),
  ...Object.values(media.examples ?? {}).map(({ value }) => value)
]

layer(TestServer.layer, { excludeTestServices: true })("the OpenAPI document", (it) => {
  it.effect("has exactly the operations of the contract", () =>
    Effect.map(served, (document) =>
      assert.deepStrictEqual(
        operations(document).map(([name]) => name),
        [
          "post /api/v1/auth/register",
          "post /api/v1/auth/login",
          "post /api/v1/auth/refresh",
          "post /api/v1/auth/logout",
          "get /api/v1/users/me",
          "patch /api/v1/users/me",
          "delete /api/v1/users/me",
          "post /api/v1/users/me/password",
          "get /api/v1/users/me/export",
          "get /api/v1/users/me/usage",
          "post /api/v1/chat/sessions",
          "get /api/v1/chat/sessions",
          "get /api/v1/chat/sessions/{session_id}",
          "patch /api/v1/chat/sessions/{session_id}",
          "delete /api/v1/chat/sessions/{session_id}",
          "get /api/v1/chat/sessions/{session_id}/messages",
          "delete /api/v1/chat/sessions/{session_id}/messages",
          "post /api/v1/chat",
          "post /api/v1/chat/stream",
          "post /api/v1/chat/sessions/{session_id}/cancel",
          "post /api/v1/webhooks/stripe",
          "get /",
          "get /health",
          "get /health/live",
          "get /health/ready",
          "get /metrics",
          "post /v1/chat/completions",
          "get /v1/models"
        ]
      )
    )
  )

  it.effect("explains each operation, under an id of its own", () =>
    Effect.map(served, (document) => {
      const all = operations(document)
      assert.strictEqual(document.openapi, "3.1.0")
      assert.strictEqual(new Set(all.map(([, { operationId }]) => operationId)).size, all.length)
      for (const [name, { description, summary, tags }] of all) {
        assert.isNotEmpty(summary, name)
        assert.isNotEmpty(description, name)
        assert.lengthOf(tags, 1, name)
      }
    })
  )

  it.effect("has an example of each body, and each conforms to its schema", () =>
    Effect.map(served, (document) => {
      for (const [name, operation] of operations(document)) {
        for (const media of bodies(operation)) {
          const examples = examplesOf(media)
          assert.isNotEmpty(examples, name)
          for (const example of examples) assert.strictEqual(problemsOf(document, media.schema, example), "", name)
        }
      }
    })
  )

  it.effect("notices an example that does not conform", () =>
    Effect.map(served, (document) => {
      const credentials = { $ref: "#/components/schemas/Registration" }
      const good = { email: "ada@example.com", password: "Correct-horse-7" }
      assert.strictEqual(problemsOf(document, credentials, good), "")
      assert.isNotEmpty(problemsOf(document, credentials, { ...good, password: "short" }))
      assert.isNotEmpty(problemsOf(document, credentials, { ...good, extra: 1 }))
      assert.isNotEmpty(problemsOf(document, credentials, { email: "ada@example.com" }))
    })
  )

  it.effect("declares the errors that an operation can end in", () =>
    Effect.map(served, (document) => {
      for (const [name, { parameters, requestBody, responses, security }] of operations(document)) {
        const isOpenAi = name.includes(" /v1/")
        const expected = [isOpenAi ? "400" : "422", "500", "503"]
        if (isOpenAi && requestBody !== undefined) expected.push("404", "502", "504")
        if (name.includes("/v1/")) expected.push("429")
        if (requestBody !== undefined) expected.push("413", "415")
        if (security.length > 0 || name.endsWith("/login") || name.endsWith("/refresh")) expected.push("401")
        // For a token of the operator's, which is none of an account.
        if (name === "get /metrics") expected.push("401")
        if (parameters.some((parameter) => parameter.in === "path")) expected.push("404")
        if (name.includes("/api/v1/chat") && !name.includes("/chat/sessions")) expected.push("404", "409", "502", "504")
        if (name.endsWith("/cancel")) expected.push("409")
        if (name.endsWith("/stripe")) expected.push("400", "404")
        if (/^(?:post .*\/(?:register|password)|(?:patch|delete) .*\/users\/me)$/u.test(name)) expected.push("400")
        assert.deepStrictEqual(
          Object.keys(responses).filter((status) => status >= "400"),
          expected.toSorted(),
          name
        )
      }
    })
  )

  it.effect("tells once what is answered to requests that no operation sees", () =>
    Effect.gen(function* () {
      const document = yield* served
      const server = yield* TestServer
      const { HeadersTooLarge, MethodNotAllowed, NoSuchPath, RequestTimeout } = document.components.responses
      for (const [response, status, method, path] of [
        [NoSuchPath, 404, "GET", "/nowhere"],
        [MethodNotAllowed, 405, "PUT", "/api/v1/chat"],
        [HeadersTooLarge, 431, "GET", `/?${"x".repeat(20_000)}`]
      ] as const) {
        const reply = yield* server.ask(method, path)
        assert.strictEqual(reply.status, status)
        const media = response?.content?.["application/json"]
        if (status !== 431) assert.deepStrictEqual(reply.json, media?.example)
        assert.strictEqual(problemsOf(document, media?.schema ?? {}, media?.example), "")
      }
      assert.isDefined(RequestTimeout)
      for (const status of ["404", "405", "408", "431"]) assert.include(document.info.description, `- ${status}: `)
    })
  )

  it.effect("names the headers that come with an answer", () =>
    Effect.map(served, (document) => {
      for (const [name, { responses }] of operations(document)) {
        for (const [status, { headers }] of Object.entries(responses)) {
          assert.property(headers, "X-Request-Id", name)
          if (status === "401") assert.property(headers, "WWW-Authenticate", name)
          if (status === "503" || status === "429") assert.property(headers, "Retry-After", name)
          for (const header of ["RateLimit", "RateLimit-Policy"]) {
            assert.strictEqual(header in headers, name.includes("/v1/"), name)
          }
        }
      }
    })
  )

  it.effect("names components as clients should know them", () =>
    Effect.map(served, (document) => {
      const names = Object.keys(document.components.schemas)
      assert.includeMembers(names, ["EmailTaken", "ValidationError", "Tokens", "User", "Session", "Message"])
      assert.isEmpty(names.filter((name) => !/^[A-Z][A-Za-z]+$/u.test(name) || name.endsWith("Encoded")))
      const text = JSON.stringify(document)
      assert.notInclude(text, "Encoded")
      assert.notInclude(text, "effect")
      const referred = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/gu)].map(([, name]) => name)
      assert.deepStrictEqual([...new Set(referred)].toSorted(), names.toSorted())
    })
  )

  it.effect("says of what form texts and numbers are", () =>
    Effect.map(served, ({ components, paths }) => {
      const { ChatRequest, Registered, Registration, Session, Usage, User } = components.schemas
      assert.nestedPropertyVal(Registration, "properties.email.format", "email")
      assert.nestedPropertyVal(Registration, "properties.password.format", "password")
      assert.nestedPropertyVal(Registration, "properties.password.minLength", 8)
      assert.nestedPropertyVal(User, "properties.id.format", "uuid")
      assert.nestedPropertyVal(User, "properties.email.format", "email")
      assert.nestedPropertyVal(User, "properties.created_at.format", "date-time")
      assert.nestedPropertyVal(Registered, "properties.expires_at.format", "date-time")
      assert.nestedPropertyVal(Session, "properties.session_id.format", "uuid")
      assert.nestedPropertyVal(ChatRequest, "properties.message_id.format", "uuid")
      assert.nestedPropertyVal(Usage, "properties.input_tokens.minimum", 0)
      const limit = paths["/api/v1/chat/sessions"]?.["get"]?.parameters.find(({ name }) => name === "limit")
      assert.deepInclude(limit?.schema, { type: "integer", minimum: 1, maximum: 100 })
      assert.isFalse(limit?.required)
    })
  )

  it.effect("says where a token is wanted, and how an explorer gets one", () =>
    Effect.map(served, (document) => {
      const open = operations(document).filter(([, { security }]) => security.length === 0)
      assert.deepStrictEqual(
        open.map(([, { operationId }]) => operationId),
        [
          "auth.register",
          "auth.login",
          "auth.refresh",
          "billing.stripe",
          "health.root",
          "health.status",
          "health.live",
          "health.ready",
          "metrics.scrape"
        ]
      )
      assert.nestedPropertyVal(document.components.securitySchemes, "bearer.scheme", "Bearer")
      assert.nestedPropertyVal(
        document.components.securitySchemes,
        "password.flows.password.tokenUrl",
        "/api/v1/auth/login"
      )
    })
  )

  it.effect("wants no body to log out", () =>
    Effect.map(served, ({ paths }) => {
      assert.isFalse(paths["/api/v1/auth/logout"]?.["post"]?.requestBody?.required)
      assert.isTrue(paths["/api/v1/auth/login"]?.["post"]?.requestBody?.required)
    })
  )

  it.effect("wants the password in the body of a deletion", () =>
    Effect.map(served, ({ paths }) => {
      const body = paths["/api/v1/users/me"]?.["delete"]?.requestBody
      assert.isTrue(body?.required)
      assert.deepStrictEqual(body?.content["application/json"]?.schema, { $ref: "#/components/schemas/Confirmation" })
    })
  )

  it.effect("is what `make openapi` writes", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/openapi.json`
      const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
      const program = fileURLToPath(new URL("openapi.ts", import.meta.url))
      const code = yield* spawner.exitCode(ChildProcess.make(process.execPath, [program, path]))
      assert.strictEqual(Number(code), 0)
      const { json } = yield* server.ask("GET", "/openapi.json")
      const written = yield* fs.readFileString(path)
      assert.deepStrictEqual(JSON.parse(written), json)
      const committed = yield* fs.readFileString(fileURLToPath(new URL("../../../openapi.json", import.meta.url)))
      assert.isTrue(committed === written, "openapi.json is not what the server serves: run `make openapi`")
    })
  )
})
