import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import * as StubSearch from "../../test/StubSearch.ts"
import { answer, events, newcomer, say, sessions } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import * as Tool from "../Agent/Tools/Tool.ts"
import { Tools } from "../Agent/Tools/Tools.ts"

const scripted = Effect.tap(StubModel, (stub) => stub.reset)

const nothing = Schema.Struct({})
const both = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()] as const

/** Each waits until the other has begun: one after the other, they would never end. */
const meeting = ([mine, others]: typeof both, name: string) =>
  Tool.make({
    name,
    description: "Meets the other",
    input: nothing,
    execute: () =>
      Effect.andThen(Deferred.succeed(mine, undefined), Deferred.await(others)).pipe(Effect.as(`${name} was there`))
  })

const waiting = { begun: Deferred.makeUnsafe<void>(), ended: Deferred.makeUnsafe<void>() }

const tools = Layer.succeed(Tools, [
  Tool.make({
    name: "waiting",
    description: "Waits for ever",
    input: nothing,
    execute: () =>
      Effect.andThen(Deferred.succeed(waiting.begun, undefined), Effect.never).pipe(
        // What it has to put away takes a moment.
        Effect.ensuring(Effect.andThen(Effect.sleep("20 millis"), Deferred.succeed(waiting.ended, undefined)))
      )
  }),
  meeting(both, "left"),
  meeting([both[1], both[0]], "right"),
  Tool.make({
    name: "failing",
    description: "Fails",
    input: nothing,
    execute: () => Effect.fail(new Tool.ToolFailed({ reason: "the wire is cut" }))
  }),
  Tool.make({
    name: "broken",
    description: "Breaks",
    input: nothing,
    execute: () => Effect.die(new Error("password is hunter2"))
  }),
  Tool.make({
    name: "add",
    description: "Adds",
    input: Schema.Struct({ a: Schema.Int, b: Schema.Int }),
    execute: ({ a, b }) => Effect.succeed(String(a + b))
  })
])

/** What the model was shown last: for each tool call the answer that belongs to it. Fails if any is missing. */
const shown = Effect.gen(function* () {
  const { calls } = yield* StubModel
  const last = (yield* calls).at(-1)?.request.messages ?? []
  const asked = last.flatMap((message) => (message.role === "assistant" ? (message.tool_calls ?? []) : []))
  const answers = last.flatMap((message) => (message.role === "tool" ? [message] : []))
  assert.deepStrictEqual(
    answers.map((message) => message.tool_call_id),
    asked.map(({ id }) => id)
  )
  return answers.map(({ content }) => content)
})

layer(TestServer.layerWith({ tools }), { excludeTestServices: true })("a turn with tools", (it) => {
  it.effect("runs all that were asked for at once, and the model gets every answer", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(
        Reply.toolCalls([
          { name: "left", arguments: {} },
          { name: "right", arguments: {} },
          { name: "add", arguments: { a: 20, b: 22 } }
        ]),
        Reply.text("They met.")
      )
      assert.strictEqual((yield* answer(yield* newcomer, "Meet!")).message.content, "They met.")
      assert.deepStrictEqual(yield* shown, ["left was there", "right was there", "42"])
    })
  )

  it.effect.each([
    ["fails", { name: "failing", arguments: {} }, "Error: the wire is cut"],
    ["breaks", { name: "broken", arguments: {} }, "Error: the tool is broken"],
    ["does not exist", { name: "telepathy", arguments: {} }, "Error: There is no tool telepathy"],
    ["is asked in no JSON", { name: "add", arguments: "{a: 1" }, "Error: The arguments were not valid JSON"],
    ["is asked wrongly", { name: "add", arguments: { a: "x" } }, "Error: Invalid arguments"]
  ] as const)("goes on when one %s, and the model is told why", ([, call, said]) =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(
        Reply.toolCalls([call, { name: "add", arguments: { a: 1, b: 2 } }]),
        Reply.text("I could not."),
        Reply.text("Sorry.")
      )
      const all = yield* events(person, "Do it")
      const told = (yield* shown).map(String).toSorted()
      assert.strictEqual(told[0], "3")
      assert.isTrue(told[1]?.startsWith(said), told[1])
      assert.notInclude(told.join(), "hunter2")
      expect(all.filter(({ event }) => event === "tool").map(({ data }) => [data.name, data.status])).toEqual(
        expect.arrayContaining([
          [call.name, "started"],
          [call.name, "failed"],
          ["add", "finished"]
        ])
      )
      // And the next turn has all of it before it, in order, no call without its answer.
      yield* answer(person, "Why?")
      assert.deepStrictEqual((yield* shown).map(String).toSorted(), told)
    })
  )

  it.effect.each(["", "one for all"])(
    "is remembered in its order when the provider calls every answer %j",
    (completionId) =>
      Effect.gen(function* () {
        const stub = yield* scripted
        const person = yield* newcomer
        yield* stub.enqueue(
          Reply.text("First.", { completionId }),
          Reply.toolCalls([{ name: "add", arguments: { a: 1, b: 2 } }], { completionId }),
          Reply.text("Second.", { completionId }),
          Reply.text("Third.", { completionId })
        )
        for (const [content, said] of [
          ["one", "First."],
          ["two", "Second."],
          ["three", "Third."]
        ] as const)
          assert.strictEqual((yield* answer(person, content)).message.content, said)
        const last = (yield* stub.calls).at(-1)?.request.messages ?? []
        assert.deepStrictEqual(
          last.slice(1).map(({ content, role }) => [role, content]),
          [
            ["user", "one"],
            ["assistant", "First."],
            ["user", "two"],
            ["assistant", ""],
            ["tool", "3"],
            ["assistant", "Second."],
            ["user", "three"]
          ]
        )
        assert.deepStrictEqual(yield* shown, ["3"])
      })
  )

  it.effect("that is cancelled ends them before anybody hears of it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.toolCalls([{ name: "waiting", arguments: {} }]))
      const turn = yield* Effect.forkChild(say(person, "Wait"))
      yield* Deferred.await(waiting.begun)
      assert.strictEqual((yield* sessions("POST", `/${person.session_id}/cancel`, person.token)).status, 202)
      assert.isTrue(yield* Deferred.isDone(waiting.ended))
      assert.strictEqual((yield* Fiber.join(turn)).status, 409)
    })
  )

  it.effect("may take eleven rounds of them", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const rounds = Array.from({ length: 11 }, () => Reply.toolCalls([{ name: "add", arguments: { a: 1, b: 2 } }]))
      yield* stub.enqueue(...rounds, Reply.text("Three."))
      assert.strictEqual((yield* answer(person, "Add")).message.content, "Three.")
      // Now there is so much to remember that a summary is due: one step more.
      yield* stub.handle(({ messages: [first] }) =>
        String(first?.content).startsWith("You keep the memory")
          ? Reply.text("They added.")
          : (rounds.shift() ?? Reply.text("Three again."))
      )
      assert.strictEqual((yield* answer(person, "Again")).message.content, "Three again.")
      yield* answer(person, "Thanks")
      const asked = (yield* stub.calls).find(({ request }) => request.messages.at(-1)?.content === "Thanks")
      assert.include(String(asked?.request.messages[0]?.content), "They added.")
    })
  )
})

/** An engine that answers when two have asked: one after the other, they would never be. */
const engine = Effect.gen(function* () {
  const searches: Array<StubSearch.Search> = []
  return yield* StubSearch.make((search) => {
    if (searches.push(search) < 2) return
    for (const { query, ...search } of searches.splice(0)) {
      const results = [{ title: `All about ${query}`, url: `https://${query}.example/`, content: null }]
      StubSearch.json({ results })({ query, ...search })
    }
  })
})

const withSearch = Layer.unwrap(
  Effect.map(engine, ({ url }) =>
    TestServer.layerWith({ settings: { WEB_SEARCH_URL: url, WEB_SEARCH_ALLOW_PRIVATE: "true" } })
  )
)

layer(withSearch, { excludeTestServices: true })("a turn with a web search", (it) => {
  it.effect("may search for two things at once, and answers with what was found", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const search = (query: string) => ({ name: "web_search", arguments: { query } })
      yield* stub.enqueue(Reply.toolCalls([search("otters"), search("beavers")]), Reply.text("Both swim."))
      const all = yield* events(yield* newcomer, "Otters or beavers?")
      const offered = (yield* stub.nextCall).request.tools ?? []
      assert.deepStrictEqual(
        offered.map((tool) => tool.function.name),
        ["current_time", "web_search"]
      )
      assert.deepStrictEqual(
        all.filter(({ event }) => event === "tool").map(({ data }) => [data.name, data.status]),
        ["started", "started", "finished", "finished"].map((status) => ["web_search", status])
      )
      assert.strictEqual(all.at(-1)?.data.message?.content, "Both swim.")
      assert.deepStrictEqual(yield* shown, [
        "1. All about otters\n   https://otters.example/",
        "1. All about beavers\n   https://beavers.example/"
      ])
    })
  )
})
