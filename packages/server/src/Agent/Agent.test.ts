import { NodeServices } from "@effect/platform-node"
import { assert, expect, layer } from "@effect/vitest"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { randomUUID } from "node:crypto"
import * as HeldClock from "../../test/HeldClock.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { layerConfig, layerModel } from "../../test/TestServer.ts"
import { Metrics } from "../Telemetry/Metrics.ts"
import { Agent, type ModelUsage } from "./Agent.ts"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import type { ChatCompletionRequest } from "./Offline/ChatCompletionRequest.ts"
import { settings } from "./settings.ts"
import { Tools } from "./Tools/Tools.ts"

const environment = { AGENT_NAME: "R2-D2 & $&", LLM_TOTAL_TIMEOUT: "30 seconds", LLM_CONTEXT_TOKENS: "2000" }
const agent = Layer.mergeAll(Agent.layer, CheckpointRepo.layer).pipe(
  Layer.provide([layerModel, Tools.layer]),
  Layer.provideMerge(StubModel.layer),
  Layer.provide([TestDatabase.layer, layerConfig(environment), NodeServices.layer, Metrics.layer])
)

const ask = Effect.fnUntraced(function* (sessionId: SessionId, content: string, usage: Array<ModelUsage> = []) {
  const { answer } = yield* Agent
  return yield* answer({
    sessionId,
    messageId: MessageId.make(randomUUID()),
    content,
    onEvent: () => Effect.void,
    onUsage: (used) => Effect.sync(() => void usage.push(used))
  })
})

/** The system prompt of a question asked now. */
const prompt = Effect.gen(function* () {
  yield* ask(SessionId.make(randomUUID()), "Who are you, and what day is it?")
  const { request } = yield* (yield* StubModel).nextCall
  const [first, ...rest] = request.messages
  assert.deepStrictEqual([first?.role, ...rest.map(({ role }) => role)], ["system", "user"])
  return String(first?.content)
})

const isSummary = ({ messages: [first] }: ChatCompletionRequest) =>
  String(first?.content).startsWith("You keep the memory of an assistant.")

layer(agent)("the agent", (it) => {
  it.effect("knows its name and today's date", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("23 hours")
      const yesterdays = yield* prompt
      assert.include(yesterdays, "You are R2-D2 & $&,")
      assert.include(yesterdays, "Today is 1970-01-01 (UTC).")
      assert.notInclude(yesterdays, "{{")
      yield* TestClock.adjust("1 hour")
      assert.include(yield* prompt, "Today is 1970-01-02 (UTC).")
    })
  )

  it.effect("does not keep an answer waiting for a summary that takes its time, nor lose it meanwhile", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const { commit } = yield* CheckpointRepo
      const sessionId = SessionId.make(randomUUID())
      for (let turn = 0; turn < 7; turn++) yield* commit((yield* ask(sessionId, "Hello")).memory)
      yield* stub.reset
      const gate = yield* Deferred.make<void>()
      const late = Reply.text("There you are.", { beforeHeaders: Deferred.await(gate) })
      yield* stub.handle((request) => (isSummary(request) ? Reply.hang : late))
      const held = yield* HeldClock.make
      const usage: Array<ModelUsage> = []
      const asking = yield* ask(sessionId, "Hello", usage).pipe(
        Effect.provideService(Clock.Clock, held.clock),
        Effect.forkChild
      )
      const calls = [yield* stub.nextCall, yield* stub.nextCall]
      yield* held.pass("28 seconds")
      yield* Deferred.succeed(gate, undefined)
      yield* held.asleep((millis) => millis === 3000)
      yield* held.pass("3 seconds")
      assert.strictEqual((yield* Fiber.join(asking)).content, "There you are.")
      const summary = calls.find(({ request }) => isSummary(request)) ?? assert.fail("no summary")
      assert.deepInclude(yield* summary.ended, { by: "client" })
      assert.deepStrictEqual(usage.map(({ isEstimated }) => isEstimated).toSorted(), [false, true])
    })
  )
})

layer(agent)("a question", (it) => {
  it.effect("that is longer than what the model is shown is refused before anybody is asked", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const sessionId = SessionId.make(randomUUID())
      const error = yield* Effect.flip(ask(sessionId, "word ".repeat(1200)))
      expect(error).toMatchObject({
        _tag: "ValidationError",
        errors: [
          { field: "content", message: "Is too long for the model: at most 2000 tokens of about three characters" }
        ]
      })
      assert.deepStrictEqual(yield* stub.calls, [])
      yield* ask(sessionId, "word ".repeat(1190))
    })
  )
})

layer(Layer.empty)("the list of fallback models", (it) => {
  it.effect.each([
    [undefined, []],
    ["", []],
    ["gpt-4o", ["gpt-4o"]],
    [" gpt-4o , llama3.2:70b,", undefined],
    [" gpt-4o , llama3.2:70b", ["gpt-4o", "llama3.2:70b"]]
  ] as const)("is read from %j", ([text, expected]) =>
    Effect.gen(function* () {
      const models = yield* Effect.option(settings.fallbackModels.config).pipe(
        Effect.provide(layerConfig(text === undefined ? {} : { LLM_FALLBACK_MODELS: text }))
      )
      assert.deepStrictEqual(models._tag === "Some" ? models.value : undefined, expected)
    })
  )
})
