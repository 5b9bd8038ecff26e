import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { MessageId, SessionId } from "@parley/domain/Sessions"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { StubModel } from "../../test/StubModel.ts"
import * as TestDatabase from "../../test/TestDatabase.ts"
import { layerConfig, layerModel } from "../../test/TestServer.ts"
import { Agent } from "./Agent.ts"
import { settings } from "./settings.ts"
import { Tools } from "./Tools/Tools.ts"

const agent = Agent.layer.pipe(
  Layer.provide([layerModel, Tools.layer]),
  Layer.provideMerge(StubModel.layer),
  Layer.provide([TestDatabase.layer, layerConfig({ AGENT_NAME: "R2-D2 & $&" }), NodeServices.layer])
)

/** The system prompt of a question asked now. */
const prompt = Effect.gen(function* () {
  const { answer } = yield* Agent
  yield* answer({
    sessionId: SessionId.make("0199c0de-0000-7000-8000-000000000002"),
    messageId: MessageId.make("0199c0de-0000-7000-8000-000000000003"),
    content: "Who are you, and what day is it?",
    onEvent: () => Effect.void,
    onUsage: () => Effect.void
  })
  const { request } = yield* (yield* StubModel).nextCall
  const [first, ...rest] = request.messages
  assert.deepStrictEqual(
    [first?.role, ...rest.map(({ role }) => role)],
    ["system", "user"]
  )
  return String(first?.content)
})

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
