import { assert, expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, events, messages, newcomer, type Person, say, tokens, transcript } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const clear = Effect.fnUntraced(function* ({ session_id, token }: Person) {
  const server = yield* TestServer
  const reply = yield* server.ask("DELETE", `/v1/chat/sessions/${session_id}/messages`, { token })
  assert.strictEqual(reply.status, 204)
})

/** What the model was shown in each call, as `role: content`, without the system prompt. */
const shown = Effect.map(
  Effect.flatMap(StubModel, (stub) => stub.calls),
  (calls) =>
    calls.map(({ request }) =>
      request.messages
        .filter(({ role }) => role !== "system")
        .map(({ content, role }) => `${role}: ${typeof content === "string" ? content : JSON.stringify(content)}`)
    )
)

layer(TestServer.layer, { excludeTestServices: true })("a turn", (it) => {
  const scripted = Effect.tap(StubModel, (stub) => stub.reset)

  it.effect("is answered, and both messages are stored in order", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(
        Reply.text("Good day!", { usage: { promptTokens: 1000, completionTokens: 500 } }),
        Reply.text("Fine.")
      )
      const { message, session_id, usage } = yield* answer(person, "  Hello\n")
      assert.strictEqual(session_id, person.session_id)
      expect(message).toMatchObject({ session_id, role: "assistant", content: "Good day!" })
      // 1000 tokens in at 0.138 and 500 out at 0.552 euros a million.
      assert.deepStrictEqual(usage, {
        model: "gpt-4o-mini",
        input_tokens: 1000,
        output_tokens: 500,
        cost_eur: 0.000_414
      })
      yield* answer(person, "How are you?")
      assert.deepStrictEqual(yield* transcript(person), [
        ["user", "Hello"],
        ["assistant", "Good day!"],
        ["user", "How are you?"],
        ["assistant", "Fine."]
      ])
      const [asked, answered] = yield* messages(person)
      assert.strictEqual(answered?.id, message.id)
      assert.isAtMost(Number(asked?.timestamp.epochMilliseconds), Number(answered?.timestamp.epochMilliseconds))
    })
  )

  it.effect("is not lost to a provider that counts more tokens than can be stored", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("Good day!", { usage: { promptTokens: 3_000_000_000, completionTokens: 500 } }))
      const { message, usage } = yield* answer(person, "Hello")
      assert.strictEqual(message.content, "Good day!")
      assert.isBelow(usage.input_tokens, 1000)
    })
  )

  it.effect("is shown what was said before in its session, until that is cleared", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.handle((_, index) => Reply.text(`answer ${index}`))
      yield* answer(person, "one")
      yield* answer(person, "two")
      yield* answer(yield* newcomer, "elsewhere")
      yield* clear(person)
      yield* answer(person, "three")
      yield* answer(person, "four")
      assert.deepStrictEqual(yield* shown, [
        ["user: one"],
        ["user: one", "assistant: answer 0", "user: two"],
        ["user: elsewhere"],
        ["user: three"],
        ["user: three", "assistant: answer 3", "user: four"]
      ])
    })
  )

  it.effect("stores text as it was meant", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const said = `<script>alert("R&D")</script> o'Brien 'x' -- \\ %s $1 😀\u2028`
      yield* stub.enqueue(Reply.text(said))
      assert.strictEqual((yield* answer(person, said)).message.content, said)
      assert.deepStrictEqual(yield* transcript(person), [
        ["user", said.trim()],
        ["assistant", said]
      ])
    })
  )

  it.effect("takes no text that cannot be stored as it is", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message = "Must not contain control characters or broken Unicode"
      for (const content of ["a\u0000b", "half \ud83d", "\u001b[31mred"]) {
        const reply = yield* say(person, content)
        assert.deepStrictEqual(
          [reply.status, reply.json],
          [422, { detail: "Validation error", errors: [{ field: "content", message }] }]
        )
      }
      assert.deepStrictEqual(yield* stub.calls, [])
      yield* answer(person, "Gru\u0308\u00dfe")
      assert.strictEqual((yield* messages(person))[0]?.content, "Gr\u00fc\u00dfe")
    })
  )

  it.effect("stores an answer longer than any question may be", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const long = "word ".repeat(8000)
      yield* stub.enqueue(Reply.text([long]))
      assert.strictEqual((yield* answer(person, "Go on")).message.content, long)
      assert.strictEqual((yield* messages(person))[1]?.content, long)
    })
  )

  it.effect("stores an answer that has what PostgreSQL cannot hold, without it", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text(["a\u0000b", "\ud83d", "\ude00 c", "\ud83d d"]))
      const all = yield* events(person, "Go on")
      const stored = "ab😀 c\ufffd d"
      assert.strictEqual(all.at(-1)?.data.message?.content, stored)
      assert.strictEqual(tokens(all), stored)
      assert.strictEqual((yield* messages(person))[1]?.content, stored)
    })
  )

  it.effect("has 1 to 30000 characters to be answered, as people count them", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const person = yield* newcomer
      const message = "Content must have between 1 and 30000 characters"
      for (const content of ["", " \n\t ", "x".repeat(30_001), "😀".repeat(30_001)]) {
        const reply = yield* say(person, content)
        assert.deepStrictEqual(
          [reply.status, reply.json],
          [422, { detail: "Validation error", errors: [{ field: "content", message }] }]
        )
      }
      assert.deepStrictEqual(yield* stub.calls, [])
      yield* answer(person, ` ${"😀".repeat(30_000)} `)
    })
  )

  it.effect("takes no option that it does not know", () =>
    Effect.gen(function* () {
      yield* scripted
      const reply = yield* say(yield* newcomer, "Hello", { role: "system", on_disconnect: "wait" })
      assert.deepStrictEqual(
        [reply.status, reply.json],
        [
          422,
          {
            detail: "Validation error",
            errors: [
              { field: "role", message: "Unknown field" },
              { field: "on_disconnect", message: "Must be cancel or continue" }
            ]
          }
        ]
      )
    })
  )
})
