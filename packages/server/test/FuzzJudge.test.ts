import { assert, layer } from "@effect/vitest"
import { contentType as metricsType } from "@parley/domain/Metrics"
import { Effect } from "effect"
import { operations, served } from "./ApiDocument.ts"
import { judge } from "./FuzzJudge.ts"
import type { RawReply } from "./rawRequest.ts"
import { TestServer } from "./TestServer.ts"

const headers = { "x-request-id": "1", "ratelimit-policy": "", ratelimit: "", "content-type": "application/json" }
const session = { session_id: "0199c0de-0000-7000-8000-000000000002", name: "", created_at: "2026-01-31T12:00:00.000Z" }
const good: RawReply = { status: 201, headers, text: JSON.stringify(session) }

const token = 'event: token\ndata: {"content":"a"}\n\n'
const error = 'event: error\ndata: {"detail":"The turn was cancelled","status":409}\n\n'
const stream = (text: string): RawReply => ({
  status: 200,
  headers: { ...headers, "content-type": "text/event-stream" },
  text
})

const judged = (name: string, reply: RawReply) =>
  Effect.map(served, (document) => {
    const operation = new Map(operations(document)).get(name)
    return operation === undefined ? assert.fail(name) : judge(document, operation, reply).join("\n")
  })

layer(TestServer.layer, { excludeTestServices: true })("an answer", (it) => {
  for (const [what, reply, problem] of [
    ["as documented", good, ""],
    ["of what no operation sees", { status: 404, headers, text: '{"detail":"Not found"}' }, ""],
    ["that is a failure", { ...good, status: 500 }, "it failed"],
    ["that did not come", { ...good, status: 0 }, "it failed"],
    ["of another status", { ...good, status: 418 }, "the status is not documented"],
    [
      "of another type",
      { ...good, headers: { ...headers, "content-type": "text/html" } },
      "the content type text/html"
    ],
    ["without an id", { ...good, headers: { ...headers, "x-request-id": undefined } }, "X-Request-Id is missing"],
    ["that is no JSON", { ...good, text: "{" }, "no JSON"],
    ["with a field too many", { ...good, text: JSON.stringify({ ...session, more: 1 }) }, "more"],
    ["with a field missing", { ...good, text: JSON.stringify({ ...session, name: undefined }) }, "name"],
    ["with an id that is none", { ...good, text: JSON.stringify({ ...session, session_id: "7" }) }, "session_id"]
  ] as const)
    it.effect(`${what} is told from others`, () =>
      Effect.map(judged("post /api/v1/chat/sessions", reply), (problems) =>
        problem === "" ? assert.strictEqual(problems, "") : assert.include(problems, problem)
      )
    )

  for (const [what, text, problem] of [
    ["as documented", "a 1\n# EOF\n", ""],
    ["that break off", "a 1\n", "without an end"]
  ] as const)
    it.effect(`of metrics ${what} is told from others`, () =>
      Effect.map(
        judged("get /metrics", { status: 200, headers: { ...headers, "content-type": metricsType }, text }),
        (problems) => (problem === "" ? assert.strictEqual(problems, "") : assert.include(problems, problem))
      )
    )

  for (const [what, text, problem] of [
    ["as documented", `id: 1\n${token}: keep-alive\n\nid: 2\n${error}`, ""],
    ["without an end", `id: 1\n${token}`, "no end"],
    ["out of order", `id: 2\n${token}id: 1\n${error}`, "not numbered"],
    ["that ends in a failure", `id: 1\n${error.replace("409", "500")}`, "ends in a 500"],
    ["with an event that is none", `id: 1\nevent: token\ndata: {}\n\nid: 2\n${error}`, "an event that is none"]
  ] as const)
    it.effect(`in a stream ${what} is told from others`, () =>
      Effect.map(judged("post /api/v1/chat/stream", stream(text)), (problems) =>
        problem === "" ? assert.strictEqual(problems, "") : assert.include(problems, problem)
      )
    )
})
