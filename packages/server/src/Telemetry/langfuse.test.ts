import { assert, expect, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { OtlpReceiver, type ReceivedSpan } from "../../test/OtlpReceiver.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { newcomer } from "../../test/TestChat.ts"
import * as TracedServer from "../../test/TracedServer.ts"
import { asked, keys, paths, turn } from "../../test/TracedServer.ts"
import { shape } from "../../test/traceTree.ts"

const Json = Schema.fromJsonString(Schema.Unknown)

/** What Langfuse is told of a span, with JSON read as such. */
const of = (span: ReceivedSpan | undefined, ...names: ReadonlyArray<string>) =>
  Object.fromEntries(
    names.map((name) => {
      const text = span?.attributes[`langfuse.${name}`]
      const isJson = typeof text === "string" && /^[{["]/u.test(text)
      return [name, isJson ? Schema.decodeUnknownSync(Json)(text) : text]
    })
  )

const content = "My address is ada@example.com, my card 4111 1111-1111 1111. What time is it?"
const answered = "It is late, grace.hopper@navy.mil"

const traced = Effect.fnUntraced(function* (path: "/v1/chat" | "/v1/chat/stream") {
  const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
  yield* stub.enqueue(Reply.toolCalls([{ name: "current_time", arguments: {} }]), Reply.text([answered]))
  const person = yield* newcomer
  const { requestId } = yield* turn(person, path, content)
  const { trace } = yield* OtlpReceiver
  return { person, spans: yield* trace(paths.langfuse, requestId), otlp: yield* trace(paths.otlp, requestId) }
})

const texts = /ada@|4111|It is late|grace|What time/u

layer(TracedServer.layerWith(), { excludeTestServices: true })("Langfuse", (it) => {
  it.effect("is told whose turn it was, by the project's keys, as one tree however it was asked for", () =>
    Effect.gen(function* () {
      for (const [path, mode] of [
        ["/v1/chat", "json"],
        ["/v1/chat/stream", "stream"]
      ] as const) {
        const { otlp, person, spans } = yield* traced(path)
        assert.deepStrictEqual(shape(spans), shape(otlp))
        const first = spans.find(({ name }) => name.startsWith("POST"))
        for (const { attributes } of spans) assert.strictEqual(attributes["session.id"], person.session_id)
        assert.match(String(first?.attributes["user.id"]), /^[0-9a-f-]{36}$/u)
        assert.deepInclude(of(first, "trace.name", "environment", "release", "trace.tags"), {
          "trace.name": "chat",
          environment: "test",
          release: "0.1.0",
          "trace.tags": [{ stringValue: "test" }, { stringValue: mode }]
        })
      }
      const { posts } = yield* OtlpReceiver
      const post = posts.find(({ path }) => path === paths.langfuse)
      const basic = Buffer.from(`${keys.public}:${keys.secret}`).toString("base64")
      assert.strictEqual(post?.headers.authorization, `Basic ${basic}`)
      assert.notInclude(JSON.stringify(posts.filter(({ path }) => path === paths.otlp)), basic)
    })
  )

  it.effect("is told what each call of the model was, took and cost", () =>
    Effect.gen(function* () {
      const { spans } = yield* traced("/v1/chat")
      const [, call] = spans.filter(({ name }) => name === "chat gpt-4o-mini")
      expect(
        of(
          call,
          "observation.type",
          "observation.model.name",
          "observation.model.parameters",
          "observation.usage_details",
          "observation.cost_details",
          "observation.completion_start_time",
          "observation.metadata.cost_currency"
        )
      ).toMatchObject({
        "observation.type": "generation",
        "observation.model.name": "gpt-4o-mini",
        "observation.model.parameters": { temperature: 0.2, max_tokens: 2000 },
        "observation.usage_details": { input: expect.any(Number), output: expect.any(Number) },
        "observation.cost_details": { total: expect.any(Number) },
        "observation.completion_start_time": expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/u),
        "observation.metadata.cost_currency": "EUR"
      })
      const tool = spans.find(({ name }) => name === "execute_tool current_time")
      assert.deepInclude(of(tool, "observation.type", "observation.input"), {
        "observation.type": "tool",
        "observation.input": {}
      })
    })
  )

  it.effect("is shown what was said, without addresses and card numbers; nobody else is", () =>
    Effect.gen(function* () {
      const { otlp, spans } = yield* traced("/v1/chat")
      const first = spans.find(({ name }) => name.startsWith("POST"))
      const masked = "My address is [e-mail], my card [card]. What time is it?"
      const late = "It is late, [e-mail]"
      assert.deepStrictEqual(of(first, "trace.input", "trace.output", "observation.input", "observation.output"), {
        "trace.input": masked,
        "trace.output": late,
        "observation.input": masked,
        "observation.output": late
      })
      const [, call] = spans.filter(({ name }) => name === "chat gpt-4o-mini")
      expect(of(call, "observation.input", "observation.output")).toMatchObject({
        "observation.input": [
          { role: "system" },
          { role: "user", content: masked },
          { role: "assistant", tool_calls: [{ name: "current_time" }] },
          { role: "tool" }
        ],
        "observation.output": { role: "assistant", content: late }
      })
      for (const { attributes } of otlp) {
        assert.isEmpty(Object.keys(attributes).filter((name) => name.startsWith("langfuse")))
        assert.notMatch(JSON.stringify(attributes), texts)
      }
    })
  )

  it.effect("is told plainly that a turn has failed, and nothing of requests without one", () =>
    Effect.gen(function* () {
      const stub = yield* Effect.tap(StubModel, (stub) => stub.reset)
      yield* stub.enqueue(Reply.refusal({ status: 400, message: "I will not" }))
      const { requestId } = yield* turn(yield* newcomer, "/v1/chat", "Hello")
      const other = yield* asked("GET", "/v1/users/me")
      const { spans, trace } = yield* OtlpReceiver
      const call = (yield* trace(paths.langfuse, requestId)).find(({ name }) => name === "chat gpt-4o-mini")
      assert.deepStrictEqual(of(call, "observation.level", "observation.status_message"), {
        "observation.level": "ERROR",
        "observation.status_message": "The model refused the request"
      })
      yield* trace(paths.otlp, other.requestId)
      const all = yield* spans(paths.langfuse)
      assert.notInclude(
        all.map(({ attributes }) => attributes["request.id"]),
        other.requestId
      )
    })
  )
})

layer(TracedServer.layerWith({ LANGFUSE_CONTENT: "false" }), { excludeTestServices: true })(
  "with LANGFUSE_CONTENT=false",
  (it) => {
    it.effect("Langfuse is told all but what was said", () =>
      Effect.gen(function* () {
        const { spans } = yield* traced("/v1/chat")
        for (const { attributes } of spans) assert.notMatch(JSON.stringify(attributes), texts)
        const call = spans.find(({ name }) => name === "chat gpt-4o-mini")
        assert.isDefined(of(call, "observation.usage_details")["observation.usage_details"])
      })
    )
  }
)
