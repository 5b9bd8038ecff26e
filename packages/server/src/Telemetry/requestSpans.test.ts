import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { OtlpReceiver } from "../../test/OtlpReceiver.ts"
import { newcomer } from "../../test/TestChat.ts"
import * as TestLog from "../../test/TestLog.ts"
import * as TracedServer from "../../test/TracedServer.ts"
import { asked, paths, turn } from "../../test/TracedServer.ts"

const traceOf = (requestId: string) => Effect.flatMap(OtlpReceiver, ({ trace }) => trace(paths.otlp, requestId))
const requestSpanOf = (requestId: string) =>
  Effect.map(traceOf(requestId), (spans) => spans.find(({ attributes }) => attributes["request.id"] === requestId))

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"

layer(TracedServer.layerWith(), { excludeTestServices: true })("the span of a request", (it) => {
  it.effect("is named after its route, and tells neither the address nor who asks", () =>
    Effect.gen(function* () {
      const { session_id, token } = yield* newcomer
      const { requestId } = yield* asked("GET", `/v1/chat/sessions/${session_id}/messages?limit=7`, {
        token,
        headers: { "user-agent": "a browser", cookie: "a=b" }
      })
      const span = yield* requestSpanOf(requestId)
      assert.strictEqual(span?.name, "GET /api/v1/chat/sessions/:session_id/messages")
      const { "user.id": userId, ...attributes } = span?.attributes ?? {}
      assert.isString(userId)
      assert.deepStrictEqual(attributes, {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/api/v1/chat/sessions/:session_id/messages",
        "request.id": requestId,
        "url.scheme": "http"
      })
      assert.deepInclude(span?.resource, {
        "service.name": "parley",
        "service.version": "0.1.0",
        "deployment.environment.name": "test"
      })
    })
  )

  it.effect("of no route has no name but its method's", () =>
    Effect.gen(function* () {
      const { requestId } = yield* asked("GET", "/nowhere/ada@example.com")
      const span = yield* requestSpanOf(requestId)
      assert.strictEqual(span?.name, "GET")
      assert.strictEqual(span?.attributes["http.response.status_code"], 404)
      assert.isFalse(span?.isError)
    })
  )

  it.effect("is no failure when the caller made the mistake", () =>
    Effect.gen(function* () {
      for (const [path, status] of [
        ["/v1/auth/login", 401],
        ["/v1/auth/register", 422]
      ] as const) {
        const body = { email: "nobody@example.com", password: "Wrong" }
        const { requestId } = yield* asked("POST", path, { body })
        const span = yield* requestSpanOf(requestId)
        assert.strictEqual(span?.attributes["http.response.status_code"], status)
        assert.isFalse(span?.isError)
      }
    })
  )

  it.effect("continues the caller's trace", () =>
    Effect.gen(function* () {
      const headers = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "vendor=opaque,other=1" }
      const { requestId } = yield* asked("GET", "/v1/users/me", { headers })
      const span = yield* requestSpanOf(requestId)
      assert.deepInclude(span, { traceId, parentSpanId: spanId, traceState: "vendor=opaque,other=1" })
    })
  )

  it.effect("begins a trace of its own where the caller's cannot be read", () =>
    Effect.gen(function* () {
      const malformed = [
        "",
        "00",
        `00-${traceId}-${spanId}`,
        `00-${traceId.toUpperCase()}-${spanId}-01`,
        `00-${"0".repeat(32)}-${spanId}-01`,
        `00-${traceId}-${"0".repeat(16)}-01`,
        `ff-${traceId}-${spanId}-01`,
        `00-${traceId}-${spanId}-01-more`
      ]
      const replies = yield* Effect.forEach(malformed, (traceparent) =>
        asked("GET", "/v1/users/me", { headers: { traceparent, tracestate: "==" } })
      )
      for (const { requestId, status } of replies) {
        assert.strictEqual(status, 401)
        const span = yield* requestSpanOf(requestId)
        assert.notStrictEqual(span?.traceId, traceId)
        assert.strictEqual(span?.parentSpanId, "")
      }
    })
  )

  it.effect("is not exported where the caller wants none, nor of a probe; the log has its ids all the same", () =>
    Effect.gen(function* () {
      const headers = { traceparent: `00-${traceId.replace("0af", "0bf")}-${spanId}-00` }
      const unwanted = yield* asked("GET", "/v1/users/me", { headers })
      const probe = yield* asked("GET", "/health/live")
      yield* Effect.flatMap(asked("GET", "/v1/users/me"), ({ requestId }) => traceOf(requestId))
      const spans = yield* Effect.flatMap(OtlpReceiver, ({ spans }) => spans(paths.otlp))
      const exported = spans.map(({ attributes }) => attributes["request.id"])
      for (const { requestId } of [unwanted, probe]) {
        assert.notInclude(exported, requestId)
        const [line] = yield* TestLog.logged(requestId)
        assert.match(String(line?.["trace_id"]), /^[0-9a-f]{32}$/u)
        assert.match(String(line?.["span_id"]), /^[0-9a-f]{16}$/u)
      }
      assert.isEmpty(spans.filter(({ name, parentSpanId }) => parentSpanId === "" && !/^[A-Z]+(?: \/|$)/u.test(name)))
    })
  )

  it.effect("is found by the log's lines, also by those of the turn's own fiber", () =>
    Effect.gen(function* () {
      const { requestId } = yield* turn(yield* newcomer, "/v1/chat", "Hello")
      const [span] = yield* traceOf(requestId)
      const lines = yield* TestLog.logged(requestId)
      assert.isNotEmpty(lines)
      for (const line of lines) assert.strictEqual(line["trace_id"], span?.traceId)
    })
  )
})

layer(TracedServer.layerWith({ OTEL_TRACES_SAMPLER: "always_on" }), { excludeTestServices: true })(
  "with OTEL_TRACES_SAMPLER=always_on",
  (it) => {
    it.effect("the span of a request is exported whatever the caller wants; that of a probe is not", () =>
      Effect.gen(function* () {
        const probe = yield* asked("GET", "/health/live", { headers: { traceparent: `00-${traceId}-${spanId}-01` } })
        const { requestId } = yield* asked("GET", "/v1/users/me", {
          headers: { traceparent: `00-${traceId}-${spanId}-00` }
        })
        const span = yield* requestSpanOf(requestId)
        assert.deepInclude(span, { traceId, parentSpanId: spanId })
        const spans = yield* Effect.flatMap(OtlpReceiver, ({ spans }) => spans(paths.otlp))
        assert.notInclude(
          spans.map(({ attributes }) => attributes["request.id"]),
          probe.requestId
        )
      })
    )
  }
)
