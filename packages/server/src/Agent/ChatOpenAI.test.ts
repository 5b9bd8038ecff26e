import { assert, expect, layer } from "@effect/vitest"
import { ChatOpenAI } from "@langchain/openai"
import { Effect } from "effect"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { TestServer } from "../../test/TestServer.ts"

layer(TestServer.layer, { excludeTestServices: true })("LangChain's client, pointed at Parley", (it) => {
  it.effect("gets an answer, and a stream of it", () =>
    Effect.gen(function* () {
      const stub = yield* StubModel
      const server = yield* TestServer
      const chat = new ChatOpenAI({
        model: "gpt-4o-mini",
        apiKey: yield* server.register,
        configuration: { baseURL: `${server.url}/v1` },
        maxRetries: 0
      })
      yield* stub.handle(() => Reply.text("It is noon.", { usage: { promptTokens: 40, completionTokens: 5 } }))
      const answer = yield* Effect.promise(() => chat.invoke("What time is it?"))
      assert.strictEqual(answer.text, "It is noon.")
      const pieces: Array<string> = []
      const tokens: Array<unknown> = []
      yield* Effect.promise(async () => {
        for await (const chunk of await chat.stream("What time is it?")) {
          pieces.push(chunk.text)
          tokens.push(chunk.usage_metadata)
        }
      })
      assert.deepStrictEqual(
        pieces.filter((piece) => piece !== ""),
        ["It ", "is ", "noon."]
      )
      expect(answer).toMatchObject({ usage_metadata: { input_tokens: 40, output_tokens: 5 } })
      expect(tokens).toContainEqual(expect.objectContaining({ input_tokens: 40, output_tokens: 5 }))
    })
  )
})
