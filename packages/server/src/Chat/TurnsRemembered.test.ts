import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import * as SqlWire from "../../test/SqlWire.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, messages, newcomer, type Person } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import type { ChatCompletionRequest } from "../Agent/Offline/ChatCompletionRequest.ts"

const isSummary = ({ messages: [first] }: ChatCompletionRequest) =>
  String(first?.content).startsWith("You keep the memory of an assistant.")

const said = ({ messages }: ChatCompletionRequest) => messages.slice(1).map(({ content }) => String(content))

const prompt = ({ messages: [first] }: ChatCompletionRequest) => String(first?.content)

/** The requests of `turns` turns, in which the words say which turn it is: the summaries, and the others. */
const talking = Effect.fnUntraced(function* (person: Person, turns: number) {
  const stub = yield* StubModel
  for (let turn = 1; turn <= turns; turn++) yield* answer(person, `question ${turn}`)
  const requests = (yield* stub.calls).map(({ request }) => request)
  return { summaries: requests.filter(isSummary), asked: requests.filter((request) => !isSummary(request)) }
})

const echo = (request: ChatCompletionRequest) =>
  Reply.text(isSummary(request) ? "They counted." : `answer to ${said(request).at(-1)}`)

const wire = SqlWire.make()

layer(TestServer.layerWith({ database: wire.layer }), { excludeTestServices: true })("a long conversation", (it) => {
  const scripted = Effect.tap(StubModel, (stub) => stub.reset)

  it.effect("is remembered word for word at first, then in a summary and the last words", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle(echo)
      const person = yield* newcomer
      const { asked, summaries } = yield* talking(person, 15)
      assert.deepStrictEqual(
        asked.map((request) => said(request).length),
        [1, 3, 5, 7, 9, 11, 13, 15, 7, 9, 11, 13, 15, 7, 9]
      )
      assert.deepStrictEqual(
        asked.map((request) => prompt(request).endsWith("They counted.")),
        asked.map((_, index) => index >= 8)
      )
      // The second tells of the first.
      assert.deepStrictEqual(
        summaries.map((request) => said(request).join().includes("Summary of what came before: They counted.")),
        [false, true]
      )
      assert.isTrue(said(summaries[0] ?? assert.fail("no summary"))[0]?.startsWith("human: question 1\n"))
      // Nothing is missing between the summary and what is still known.
      assert.include(String(said(summaries[0] ?? assert.fail("no summary"))), "answer to question 5")
      assert.strictEqual(said(asked[8] ?? assert.fail("no turn"))[0], "question 6")
      // People read all of it.
      assert.strictEqual((yield* messages(person)).length, 30)
      const sql = yield* SqlClient.SqlClient
      const [row] = yield* sql`SELECT count(*)::integer AS calls FROM usage WHERE session_id = ${person.session_id}`
      assert.deepStrictEqual(row, { calls: 17 })
    })
  )

  it.effect("goes on when nobody can sum it up, and is forgotten from its beginning", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle((request) => (isSummary(request) ? Reply.refusal({ status: 500 }) : echo(request)))
      const { asked } = yield* talking(yield* newcomer, 18)
      const counts = asked.map((request) => said(request).length)
      assert.deepStrictEqual(counts.slice(12, 18), [25, 27, 29, 7, 9, 11])
      assert.strictEqual(said(asked[15] ?? assert.fail("no turn"))[0], "question 13")
    })
  )

  it.effect("costs the database no more than a short one", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.handle((request) =>
        Reply.text(isSummary(request) ? "summary ".repeat(120) : "An answer of about a hundred characters. ".repeat(3))
      )
      const person = yield* newcomer
      const turn = wire.count(answer(person, "A question of about eighty characters. ".repeat(2)))
      const upTo = (count: number) => Effect.replicateEffect(turn, count)
      yield* upTo(4)
      const early = yield* turn
      yield* upTo(25)
      const late = yield* upTo(5)
      // The middle one: what is remembered grows until it is condensed, and a turn on a connection that has not prepared
      // its statements yet sends their text as well.
      const usual = late.map(({ bytes }) => bytes).toSorted((a, b) => a - b)[2] ?? Infinity
      assert.isAtMost(usual / early.bytes, 1.5, `${early.bytes} bytes at message 10, later ${usual}`)
      for (const { statements } of late) assert.isAtMost(statements, 8)
    })
  )
})
