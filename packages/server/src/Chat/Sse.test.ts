import { assert, describe, it } from "@effect/vitest"
import { type ChatAnswer, ChatEvent, ModelTimeout, type TurnError } from "@parley/domain/Chat"
import { Message, MessageId, SessionId } from "@parley/domain/Sessions"
import { DateTime, Deferred, Effect, Exit, Fiber, Queue, Schema, Scope, Stream } from "effect"
import * as SseDecoder from "effect/encoding/Sse"
import type { HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { AgentEvent } from "../Agent/Agent.ts"
import * as Sse from "./Sse.ts"

const id = "0199c0de-0000-7000-8000-000000000003"
const done: ChatAnswer = {
  session_id: SessionId.make(id),
  message: {
    id: MessageId.make(id),
    session_id: SessionId.make(id),
    role: "assistant",
    content: "a\nb",
    timestamp: DateTime.makeUnsafe(0)
  },
  usage: { model: "m", input_tokens: 1, output_tokens: 2, cost_eur: 0.5 }
}

const token = (content: string): AgentEvent => ({ _tag: "Token", content })

const bodyOf = ({ body }: HttpServerResponse.HttpServerResponse) =>
  body._tag === "Stream" ? Stream.decodeText(Stream.orDie(body.stream)) : assert.fail(`a body of kind ${body._tag}`)

type Take = Parameters<typeof Sse.respond>[0]

const text = (take: Take) =>
  Effect.scoped(Effect.flatMap(Sse.respond(take, Effect.void), (response) => Stream.mkString(bodyOf(response))))

/** A turn that says what is offered to it. */
const scripted = Effect.gen(function* () {
  const events = yield* Queue.unbounded<AgentEvent>()
  const take: Take = (onEvent) => Effect.forever(Effect.flatMap(Queue.take(events), onEvent))
  return { take, say: (content: string) => Queue.offer(events, token(content)) }
})

describe("a turn as server-sent events", () => {
  it.effect("is written as the contract has it, down to the byte", () =>
    Effect.gen(function* () {
      const written = yield* text((onEvent) =>
        Effect.as(
          Effect.andThen(onEvent(token("Hi")), onEvent({ _tag: "Tool", name: "current_time", status: "started" })),
          done
        )
      )
      const message = Schema.encodeSync(Message)(done.message)
      assert.strictEqual(
        written,
        'id: 1\nevent: token\ndata: {"content":"Hi"}\n\n' +
          'id: 2\nevent: tool\ndata: {"name":"current_time","status":"started"}\n\n' +
          `id: 3\nevent: done\ndata: ${JSON.stringify({ message, usage: done.usage })}\n\n`
      )
    })
  )

  it.effect("has the headers that keep proxies from holding it back", () =>
    Effect.gen(function* () {
      const response = yield* Sse.respond((onEvent) => Effect.as(onEvent(token("Hi")), done), Effect.void)
      assert.strictEqual(response.status, 200)
      assert.deepInclude(
        { ...response.headers },
        {
          "content-type": "text/event-stream",
          "cache-control": "no-cache, no-transform",
          "x-accel-buffering": "no"
        }
      )
    })
  )

  it.effect("survives any text", () =>
    Effect.gen(function* () {
      const pieces = [
        "a\nb",
        "\r\n\r\n",
        "data: x\n\n",
        '"quoted" \\',
        "\u2028\u2029",
        "\ud83d",
        "\ude00",
        "\0",
        "é".repeat(999)
      ]
      const written = yield* text((onEvent) =>
        Effect.as(
          Effect.forEach(pieces, (piece) => onEvent(token(piece))),
          done
        )
      )
      const decoded = yield* Stream.make(written).pipe(
        Stream.pipeThroughChannel(SseDecoder.decodeSchema(ChatEvent)),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        decoded.map((event) => (event.event === "token" ? event.data.content : event.event)),
        [...pieces, "done"]
      )
      assert.deepStrictEqual(
        decoded.map((event) => Number(event.id)),
        decoded.map((_, index) => index + 1)
      )
    })
  )

  it.effect("fails as an ordinary error before the first event, and with an event after it", () =>
    Effect.gen(function* () {
      const failing = new ModelTimeout({})
      assert.strictEqual(yield* Effect.flip(text(() => Effect.fail(failing))), failing)
      const written = yield* text((onEvent) => Effect.andThen(onEvent(token("Hi")), Effect.fail(failing)))
      assert.strictEqual(
        written,
        'id: 1\nevent: token\ndata: {"content":"Hi"}\n\n' +
          'id: 2\nevent: error\ndata: {"detail":"The model did not answer in time","status":504}\n\n'
      )
    })
  )

  it.effect("tells nothing of a defect", () =>
    Effect.gen(function* () {
      const written = yield* text((onEvent) =>
        Effect.andThen(onEvent(token("Hi")), Effect.die(new Error("password is hunter2")))
      )
      assert.include(written, 'event: error\ndata: {"detail":"Internal server error","status":500}')
      assert.notInclude(written, "hunter2")
    })
  )

  it.effect("has a comment every 15 seconds, also between events", () =>
    Effect.gen(function* () {
      const { say, take } = yield* scripted
      yield* say("Hi")
      const response = yield* Sse.respond(take, Effect.void)
      const pieces = yield* Queue.unbounded<string>()
      yield* Effect.forkScoped(Stream.runForEach(bodyOf(response), (piece) => Queue.offer(pieces, piece)))
      assert.include(yield* Queue.take(pieces), "Hi")
      for (const _ of [1, 2, 3]) {
        yield* TestClock.adjust("14 seconds")
        assert.strictEqual(yield* Queue.size(pieces), 0)
        yield* TestClock.adjust("1 second")
        assert.match(yield* Queue.take(pieces), /^:.*\n\n$/u)
      }
      yield* say("again")
      assert.include(yield* Queue.take(pieces), 'id: 2\nevent: token\ndata: {"content":"again"}')
    })
  )

  it.effect("holds the model back when its reader is behind, and drops one that has not read for 30 seconds", () =>
    Effect.gen(function* () {
      let produced = 0
      const dropped = yield* Deferred.make<void>()
      const response = yield* Sse.respond(
        (onEvent) =>
          Effect.forever(
            Effect.andThen(
              onEvent(token(String(produced))),
              Effect.sync(() => produced++)
            )
          ),
        Deferred.succeed(dropped, undefined)
      )
      const gate = yield* Queue.unbounded<void>()
      const reader = yield* Effect.forkScoped(Stream.runForEach(bodyOf(response), () => Queue.take(gate)))
      for (const _ of [1, 2, 3]) {
        yield* TestClock.adjust("29 seconds")
        // What is pending, what is being written, and the one that waits.
        assert.isAtMost(produced, 256 * 5)
        assert.isFalse(yield* Deferred.isDone(dropped))
        yield* Queue.offer(gate, undefined)
      }
      const before = produced
      yield* TestClock.adjust("29 seconds")
      assert.isFalse(yield* Deferred.isDone(dropped))
      yield* TestClock.adjust("1 second")
      assert.isTrue(yield* Deferred.isDone(dropped))
      assert.isAtMost(produced - before, 256 * 2)
      yield* Fiber.interrupt(reader)
    })
  )

  it.effect("drops a reader that stopped reading, also when there is nothing more to say", () =>
    Effect.gen(function* () {
      const dropped = yield* Deferred.make<void>()
      const response = yield* Sse.respond(
        (onEvent) => Effect.as(onEvent(token("Hi")), done),
        Deferred.succeed(dropped, undefined)
      )
      yield* Effect.forkScoped(Stream.runForEach(bodyOf(response), () => Effect.never))
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* Deferred.isDone(dropped))
    })
  )

  it.effect("does not drop a reader that the model keeps waiting", () =>
    Effect.gen(function* () {
      const { say, take } = yield* scripted
      yield* say("Hi")
      const response = yield* Sse.respond(take, Effect.die("dropped"))
      const reader = yield* Effect.forkScoped(Stream.runDrain(bodyOf(response)))
      for (let minute = 0; minute < 5; minute++) yield* TestClock.adjust("1 minute")
      assert.isUndefined(reader.pollUnsafe())
    })
  )

  it.effect("ends its turn with the connection", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const interrupted = yield* Deferred.make<void>()
      const take: Take = (onEvent) =>
        Effect.andThen(onEvent(token("Hi")), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
      yield* Scope.provide(Sse.respond(take, Effect.void), scope)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* Deferred.isDone(interrupted))
    })
  )

  it.effect("lets a turn go on that outlives its listener", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const gone = yield* Deferred.make<void>()
      const all = yield* Deferred.make<void, TurnError>()
      const take: Take = (onEvent) =>
        Effect.andThen(
          onEvent(token("Hi")),
          Effect.forkDetach(
            Effect.andThen(
              Deferred.await(gone),
              Effect.forEach(Array.from({ length: 1000 }), () => onEvent(token("x")))
            ).pipe(Effect.andThen(Deferred.succeed(all, undefined)))
          )
        ).pipe(Effect.andThen(Effect.never))
      yield* Scope.provide(Sse.respond(take, Effect.void), scope)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.succeed(gone, undefined)
      yield* Deferred.await(all)
    })
  )
})
