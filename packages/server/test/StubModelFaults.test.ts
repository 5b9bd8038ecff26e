import { assert, expect, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { StubModel } from "./StubModel.ts"
import { chatModel, invoke, listenTo, post, stream } from "./StubModelClient.ts"
import * as Reply from "./StubModelReply.ts"

layer(Layer.merge(StubModel.layer, FetchHttpClient.layer))("StubModel, when the model fails", (it) => {
  const scripted = Effect.tap(StubModel, (stub) => stub.reset)

  it.effect.each([
    ["a rate limit", Reply.rateLimited(7), { status: 429, code: "rate_limit_exceeded" }],
    ["a spent quota", Reply.insufficientQuota, { status: 429, code: "insufficient_quota" }],
    ["a context too long", Reply.contextLengthExceeded, { name: "ContextOverflowError" }],
    ["a filtered prompt", Reply.contentFiltered, { status: 400, code: "content_filter" }],
    ["a gateway's page", Reply.refusal({ status: 502, body: "<html>Bad Gateway</html>" }), { status: 502 }]
  ] as const)("refuses with %s", ([, reply, error]) =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(reply, reply)
      expect((yield* Effect.flip(invoke(chatModel(stub.baseUrl)))).cause).toMatchObject(error)
      expect((yield* Effect.flip(Stream.runDrain(stream(chatModel(stub.baseUrl))))).cause).toMatchObject(error)
    })
  )

  it.effect("says when to come back", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(Reply.rateLimited(7))
      const response = yield* post(
        stub.baseUrl,
        JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }] })
      )
      assert.strictEqual(response.headers["retry-after"], "7")
    })
  )

  it.effect("refuses what the provider would refuse, and counts no call", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      const response = yield* post(stub.baseUrl, `{"model":"m","messages":[]}`)
      assert.strictEqual(response.status, 400)
      expect(yield* response.json).toMatchObject({ error: { type: "invalid_request_error", param: "messages" } })
      assert.deepInclude(yield* stub.stats, { calls: 0 })
    })
  )

  it.effect.each([0, 2, 3])("cuts the socket after %d chunks", (count) =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(Reply.text(["a", "b", "c"], { afterChunks: { count, stop: "cut" } }))
      const call = yield* Effect.forkChild(stub.nextCall)
      assert.deepStrictEqual(yield* listenTo(stub.baseUrl), { texts: ["a", "b", "c"].slice(0, count), brokenOff: true })
      const ending = yield* (yield* Fiber.join(call)).ended
      assert.deepInclude(ending, { by: "stub", chunksSent: count })
    })
  )

  it.effect("stops writing while its reader does not read", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      // More than the sockets of both sides hold.
      yield* stub.enqueue(Reply.text(Array.from({ length: 100_000 }, () => "tok ")))
      const reading = yield* Deferred.make<void>()
      const reader = yield* stream(chatModel(stub.baseUrl)).pipe(
        Stream.runForEach(() => Effect.andThen(Deferred.succeed(reading, undefined), Effect.never)),
        Effect.forkChild
      )
      const call = yield* stub.nextCall
      yield* Deferred.await(reading)
      yield* Fiber.interrupt(reader)
      const { by, chunksSent } = yield* call.ended
      assert.strictEqual(by, "client")
      assert.isBelow(chunksSent, 100_000)
    })
  )

  it.effect("cuts the socket before the headers, and in an answer that is not streamed", () =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(
        Reply.text("never", { beforeHeaders: "cut" }),
        Reply.text("never", { afterChunks: { count: 0, stop: "cut" } })
      )
      assert.isTrue(Exit.isFailure(yield* Effect.exit(invoke(chatModel(stub.baseUrl)))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(invoke(chatModel(stub.baseUrl)))))
    })
  )

  it.effect.each([
    ["before the headers", Reply.hang, 0],
    ["before the first chunk", Reply.text("a b c", { afterChunks: { count: 0, stop: "hang" } }), 0],
    ["in mid-stream", Reply.text("a b c", { afterChunks: { count: 2, stop: "hang" } }), 2],
    ["before the end", Reply.text("a b c", { afterChunks: { count: 3, stop: "hang" } }), 3],
    ["while it waits for its own clock", Reply.text("a b c", { delayBetweenChunks: "1 hour" }), 1]
  ] as const)("hangs %s, and sees the client go away", ([, reply, chunksSent]) =>
    Effect.gen(function* () {
      const stub = yield* scripted
      yield* stub.enqueue(reply)
      const reader = yield* Effect.forkChild(listenTo(stub.baseUrl))
      const call = yield* stub.nextCall
      assert.deepInclude(yield* stub.stats, { calls: 1, open: 1 })
      yield* Fiber.interrupt(reader)
      assert.deepInclude(yield* call.ended, { by: "client", chunksSent })
      assert.deepInclude(yield* stub.stats, { calls: 1, open: 0 })
    })
  )
})
