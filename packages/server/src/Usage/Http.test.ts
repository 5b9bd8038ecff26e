import { assert, layer } from "@effect/vitest"
import { Month, MonthlyUsage } from "@parley/domain/Usage"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, newcomer, type Person, say, sessions } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"

const decodeUsage = Schema.decodeUnknownEffect(MonthlyUsage)

const ask = Effect.fnUntraced(function* (token: string, query = "") {
  const server = yield* TestServer
  return yield* server.ask("GET", `/v1/users/me/usage${query}`, { token })
})

/** What this month took so far, if it did not end just now. */
const usage = Effect.fnUntraced(function* ({ token }: Pick<Person, "token">) {
  const reply = yield* ask(token)
  assert.strictEqual(reply.status, 200, reply.text)
  return yield* decodeUsage(reply.json)
})

const counted = (promptTokens: number, completionTokens: number) => ({ usage: { promptTokens, completionTokens } })

const settings = { LLM_MAX_ATTEMPTS: "1", USER_MONTHLY_TARGET_EUR: "3", USER_MONTHLY_LIMIT_EUR: "4.25" }

layer(TestServer.layerWith({ settings }), { excludeTestServices: true })("one's usage", (it) => {
  it.effect("has every turn in it, with what is aimed at and allowed", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("One.", counted(1000, 500)), Reply.text("Two.", counted(2000, 100)))
      const first = yield* answer(person, "Hello")
      const second = yield* answer(person, "And again")
      const sum = { input_tokens: 3000, output_tokens: 600, cost_eur: 0.000_745_2 }
      const found = yield* usage(person)
      assert.deepStrictEqual(
        { ...found, month: "" },
        {
          month: "",
          turns: 2,
          ...sum,
          target_eur: 3,
          limit_eur: 4.25,
          models: [{ model: "gpt-4o-mini", ...sum, calls: 2 }]
        }
      )
      assert.approximately(first.usage.cost_eur + second.usage.cost_eur, sum.cost_eur, 1e-12)
    })
  )

  it.effect("outlives the session, and has nothing of anybody else's", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const [person, other] = [yield* newcomer, yield* newcomer]
      yield* stub.enqueue(Reply.text("One.", counted(10, 5)))
      yield* answer(person, "Hello")
      const before = yield* usage(person)
      assert.strictEqual((yield* sessions("DELETE", `/${person.session_id}`, person.token)).status, 204)
      assert.deepStrictEqual(yield* usage(person), before)
      assert.deepInclude(before, { turns: 1, input_tokens: 10, output_tokens: 5 })
      assert.deepInclude(yield* usage(other), { turns: 0, input_tokens: 0, output_tokens: 0, cost_eur: 0, models: [] })
    })
  )

  it.effect("has what a failed turn took, which is no turn", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const person = yield* newcomer
      yield* stub.enqueue(Reply.text("I hate", { finishReason: "content_filter", ...counted(400, 2) }))
      assert.strictEqual((yield* say(person, "Hello")).status, 502)
      assert.deepInclude(yield* usage(person), { turns: 0, input_tokens: 400, output_tokens: 2 })
    })
  )

  it.effect("is that of the month that is asked for", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const person = yield* newcomer
      yield* answer(person, "Hello")
      yield* sql`UPDATE usage SET created_at = '2024-02-29T23:59:59.999Z' WHERE session_id = ${person.session_id}`
      for (const [month, turns] of [
        ["2024-02", 1],
        ["2024-03", 0]
      ] as const) {
        const reply = yield* ask(person.token, `?month=${month}`)
        assert.strictEqual(reply.status, 200, reply.text)
        const found = yield* decodeUsage(reply.json)
        assert.deepStrictEqual([found.month, found.turns], [Month.make(month), turns])
      }
    })
  )

  it.effect.each([
    "2026-13",
    "2026-00",
    "2026-1",
    "26-01",
    "0000-01",
    "12026-01",
    "2026-11-01",
    "%202026-11",
    "2026-11%0A",
    "november",
    ""
  ])("is refused for the month %j, which is none", (month) =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const reply = yield* ask(yield* server.register, `?month=${month}`)
      assert.deepStrictEqual(
        [reply.status, reply.json],
        [
          422,
          {
            detail: "Validation error",
            errors: [{ field: "month", message: "Must be a month such as 2026-11" }]
          }
        ]
      )
    })
  )

  it.effect("is refused for two months at once, and for what is misspelt", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const token = yield* server.register
      const twice = yield* ask(token, "?month=2026-10&month=2026-11")
      assert.deepStrictEqual(twice.json, {
        detail: "Validation error",
        errors: [{ field: "month", message: "Must be a month such as 2026-11" }]
      })
      const misspelt = yield* ask(token, "?moth=2026-11")
      assert.deepStrictEqual(
        [misspelt.status, misspelt.json],
        [422, { detail: "Validation error", errors: [{ field: "moth", message: "Unknown field" }] }]
      )
    })
  )

  it.effect("is told to nobody without a token", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const reply = yield* server.ask("GET", "/v1/users/me/usage")
      assert.deepStrictEqual([reply.status, reply.json], [401, { detail: "Not authenticated" }])
    })
  )
})
