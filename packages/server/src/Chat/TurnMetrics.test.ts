/** What is counted of turns moves by what has happened to them, and by nothing else. */
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Layer, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { changes, scrape, valueOf } from "../../test/Exposition.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, listen, newcomer, say, sessions, startTurn } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const model = "gpt-4o-mini"
const other = "gpt-4o"
const Server = TestServer.layerWith({ settings: { LLM_FALLBACK_MODELS: other, LLM_MAX_ATTEMPTS: "2" } })

const turns = (mode: string, outcome: string) => ["chat_turn_duration_seconds_count", { mode, outcome }] as const
const calls = (gen_ai_request_model: string, error_type = "") =>
  ["gen_ai_client_operation_duration_seconds_count", { gen_ai_request_model, error_type }] as const
const cost = (gen_ai_request_model: string, kind: string) =>
  ["llm_cost_euros_total", { gen_ai_request_model, kind }] as const
const tokens = (gen_ai_request_model: string, gen_ai_token_type: string) =>
  ["gen_ai_client_token_usage_sum", { gen_ai_request_model, gen_ai_token_type }] as const

/** Euros that so many tokens cost. */
const price = { input: 0.138 / 1_000_000, output: 0.552 / 1_000_000 }

layer(Server, { excludeTestServices: true })("turns", (it) => {
  it.effect("that are answered are counted with their calls, tokens and euros, by how they were asked for", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("One.", { usage: { promptTokens: 100, completionTokens: 10 } }))
      yield* stub.enqueue(Reply.text("Two.", { usage: { promptTokens: 200, completionTokens: 20 } }))
      const message_id = randomUUID()
      const moved = yield* changes(
        {
          json: turns("json", "answered"),
          stream: turns("stream", "answered"),
          repeated: turns("json", "repeated"),
          overhead: ["chat_turn_overhead_seconds_count"],
          calls: calls(model),
          firstChunks: ["gen_ai_client_operation_time_to_first_chunk_seconds_count", { gen_ai_request_model: model }],
          input: tokens(model, "input"),
          output: tokens(model, "output")
        },
        Effect.gen(function* () {
          yield* answer(person, "Say one", { message_id })
          yield* events(person, "Say two")
          yield* answer(person, "Say one", { message_id })
        })
      )
      assert.deepStrictEqual(moved, {
        json: 1,
        stream: 1,
        repeated: 1,
        overhead: 2,
        calls: 2,
        firstChunks: 2,
        input: 300,
        output: 30
      })
      const spent = valueOf(yield* scrape, ...cost(model, "answer")) ?? 0
      assert.closeTo(spent, 300 * price.input + 30 * price.output, 1e-9)
    })
  )

  it.effect("that need another attempt, and another model, say why, and what was spent in vain", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const person = yield* newcomer
      const usage = { promptTokens: 1000, completionTokens: 1 }
      yield* stub.enqueue(Reply.refusal({ status: 500 }))
      yield* stub.enqueue(Reply.text("", { usage }))
      yield* stub.enqueue(Reply.text("At last.", { usage }))
      const moved = yield* changes(
        {
          serverErrors: ["llm_retries_total", { reason: "server_error" }],
          fallbacks: ["llm_fallbacks_total", { from: model, to: other }],
          failed: calls(model, "server_error"),
          empty: calls(model, "empty_answer"),
          answered: calls(other)
        },
        answer(person, "Try")
      )
      assert.deepStrictEqual(moved, { serverErrors: 1, fallbacks: 1, failed: 1, empty: 1, answered: 1 })
      const exposition = yield* scrape
      assert.isAbove(valueOf(exposition, ...cost(model, "retried")) ?? 0, 0.0001)
      assert.isAbove(valueOf(exposition, ...cost(other, "answer")) ?? 0, 0.001)
    })
  )

  it.effect("that fail, are refused or cancelled are told apart, and so is their money", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const person = yield* newcomer
      const moved = yield* changes(
        {
          failed: turns("json", "model_failed"),
          refused: turns("json", "refused"),
          cancelled: turns("json", "cancelled"),
          cancelledCalls: calls(model, "cancelled"),
          overhead: ["chat_turn_overhead_seconds_count"]
        },
        Effect.gen(function* () {
          yield* stub.enqueue(Reply.refusal({ status: 401 }))
          assert.strictEqual((yield* say(person, "Fail")).status, 502)
          yield* stub.nextCall
          assert.strictEqual((yield* say({ ...person, session_id: randomUUID() }, "Nowhere")).status, 404)
          const { letAnswer, reply } = yield* startTurn(person)
          assert.strictEqual((yield* sessions("POST", `/${person.session_id}/cancel`, person.token)).status, 202)
          yield* letAnswer
          assert.strictEqual((yield* reply).status, 409)
        })
      )
      assert.deepStrictEqual(moved, { failed: 1, refused: 1, cancelled: 1, cancelledCalls: 1, overhead: 0 })
      assert.isAbove(valueOf(yield* scrape, ...cost(model, "cancelled")) ?? 0, 0)
    })
  )

  it.effect("are streams under way, and requests, until the client has everything", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const person = yield* newcomer
      const gate = yield* Deferred.make<void>()
      yield* stub.enqueue(Reply.text(["a", "b"], { afterChunks: { count: 1, stop: Deferred.await(gate) } }))
      const { events } = yield* listen(person, "Slowly")
      const during = yield* scrape
      assert.strictEqual(valueOf(during, "chat_streams_active"), 1)
      assert.strictEqual(valueOf(during, "http_server_active_requests"), 2)
      yield* Deferred.succeed(gate, undefined)
      yield* Stream.runDrain(events)
      const after = yield* scrape
      assert.strictEqual(valueOf(after, "chat_streams_active"), 0)
      assert.strictEqual(valueOf(after, "http_server_active_requests"), 1)
    })
  )

  it.effect("have the time of models and tools left out of their overhead", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      yield* stub.reset
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("Late.", { delayBeforeHeaders: "700 millis" }))
      const moved = yield* changes(
        {
          turn: ["chat_turn_duration_seconds_sum", { outcome: "answered" }],
          model: ["gen_ai_client_operation_duration_seconds_sum", { error_type: "" }],
          overhead: ["chat_turn_overhead_seconds_sum"]
        },
        answer(person, "Be late")
      )
      const { model = 0, overhead = 0, turn = 0 } = moved
      assert.isAtLeast(model, 0.65)
      assert.isAbove(overhead, 0)
      assert.isBelow(overhead, turn - 0.65)
    })
  )
})

/** Timers may come a moment before their time, as those of Node do; here by so much that none comes late. */
const hastyClock = Layer.effect(
  Clock.Clock,
  Effect.map(Clock.Clock, (clock) => {
    const sleep = (duration: Duration.Duration) =>
      clock.sleep(Duration.millis(Math.max(0, Duration.toMillis(duration) - 100)))
    return new Proxy(clock, { get: (target, key) => (key === "sleep" ? sleep : Reflect.get(target, key, target)) })
  })
)

const impatient = { LLM_TOTAL_TIMEOUT: "300 millis", LLM_ATTEMPT_TIMEOUT: "10 seconds" }

layer(TestServer.layerWith({ settings: impatient }).pipe(Layer.provide(hastyClock)), { excludeTestServices: true })(
  "a call of a model",
  (it) => {
    it.effect("that is given up because the turn's time is over was too slow, and not cancelled", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        yield* stub.reset
        const person = yield* newcomer
        yield* stub.enqueue(Reply.hang)
        const moved = yield* changes(
          { slow: calls(model, "timeout"), cancelled: calls(model, "cancelled") },
          Effect.map(say(person, "Hurry"), ({ status }) => assert.strictEqual(status, 504))
        )
        assert.deepStrictEqual(moved, { slow: 1, cancelled: 0 })
      })
    )
  }
)
