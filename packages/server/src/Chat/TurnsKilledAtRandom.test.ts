import { assert, layer } from "@effect/vitest"
import { ChatAnswer } from "@parley/domain/Chat"
import { Config, Console, Effect, Option, Queue, Random, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { randomInt, randomUUID } from "node:crypto"
import { ServerProcess } from "../../test/ServerProcess.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { answer, eventsOf, type Person } from "../../test/TestChat.ts"
import { TestServer } from "../../test/TestServer.ts"
import type { ChatCompletionRequest } from "../Agent/Offline/ChatCompletionRequest.ts"

const sessionCount = 20
const turnsPerSession = 10
const kills = 6

const isSummary = ({ messages: [first] }: ChatCompletionRequest) =>
  String(first?.content).startsWith("You keep the memory of an assistant.")

/** Repeats what it is told, slowly, so that a kill may hit any part of a turn. No two calls cost the same. */
const model = (request: ChatCompletionRequest, index: number) => {
  const slowly = { delayBeforeHeaders: 5, delayBetweenChunks: 10, usage: { completionTokens: 1000 + index } }
  if (isSummary(request)) return Reply.text("They counted.", slowly)
  const question = String(request.messages.findLast(({ role }) => role === "user")?.content)
  return question.includes("o'clock") && request.messages.at(-1)?.role === "user"
    ? Reply.toolCalls([{ name: "current_time", arguments: {} }], slowly)
    : Reply.text(`You said: ${question}`, slowly)
}

interface Turn extends Person {
  readonly content: string
  readonly message_id: string
  readonly isStreamed: boolean
}

/** What a client was told is the answer. */
const Acknowledged = Schema.Struct({
  message: Schema.Struct({ id: Schema.String, content: Schema.String }),
  usage: ChatAnswer.fields.usage
})
const acknowledged = (told: unknown) => Effect.asSome(Schema.decodeUnknownEffect(Acknowledged)(told))

/** The answer, if this request brought it whole. */
const ask = Effect.fnUntraced(function* ({ content, isStreamed, message_id, session_id, token }: Turn) {
  const server = yield* TestServer
  const path = isStreamed ? "/v1/chat/stream" : "/v1/chat"
  const reply = yield* server.ask("POST", path, { token, body: { session_id, content, message_id } }).pipe(
    Effect.asSome,
    // Refused, or broken off.
    Effect.catchDefect(() => Effect.succeedNone)
  )
  // Whoever starts says so.
  if (Option.isNone(reply) || reply.value.status === 503) return Option.none()
  const { json, status, text } = reply.value
  assert.strictEqual(status, 200, text)
  if (!isStreamed) return yield* acknowledged(json)
  const last = (yield* Stream.runCollect(eventsOf(Stream.make(text)))).at(-1)
  assert.strictEqual(last?.event, "done", text)
  return yield* acknowledged(last?.data)
})

const untilAnswered = (turn: Turn) =>
  ask(turn).pipe(
    Effect.tap((found) => (Option.isNone(found) ? Effect.sleep("20 millis") : Effect.void)),
    Effect.repeat({ until: Option.isSome }),
    Effect.flatMap(Effect.fromOption),
    Effect.map((told) => ({ ...turn, ...told }))
  )
type Answered = Effect.Success<ReturnType<typeof untilAnswered>>

/** The turns that each session will have. */
const plan = Effect.gen(function* () {
  const server = yield* TestServer
  const token = yield* server.register
  return yield* Effect.forEach(
    Array.from({ length: sessionCount }),
    Effect.fnUntraced(function* () {
      const session_id = yield* server.openSession(token)
      return yield* Effect.forEach(Array.from({ length: turnsPerSession }), (_, index) =>
        Effect.gen(function* () {
          const usesTool = (yield* Random.nextIntBetween(0, 4)) === 0
          const content = usesTool ? `What is it o'clock, for the ${index}th time?` : `Message ${index}`
          const turn: Turn = {
            token,
            session_id,
            content,
            message_id: randomUUID(),
            isStreamed: yield* Random.nextBoolean
          }
          return turn
        })
      )
    })
  )
})

/** Kills and restarts the server whenever so many more turns are answered, a moment after. */
const killing = Effect.fnUntraced(function* (answers: Queue.Dequeue<void>) {
  const server = yield* ServerProcess
  const all = Array.from({ length: sessionCount * turnsPerSession - 1 }, (_, index) => index + 1)
  const points = (yield* Random.shuffle(all)).slice(0, kills).toSorted((a, b) => a - b)
  for (const [index, point] of points.entries()) {
    yield* Queue.takeN(answers, point - (points[index - 1] ?? 0))
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 150))
    yield* server.kill
    yield* server.restart
  }
})

/** Everything that is stored is what was answered, and nothing else. */
const isStoredOnce = Effect.fnUntraced(function* (sessions: ReadonlyArray<ReadonlyArray<Answered>>) {
  const sql = yield* SqlClient.SqlClient
  for (const turns of sessions) {
    const session_id = turns[0]?.session_id
    const stored = yield* sql`SELECT id, role, content FROM messages WHERE session_id = ${session_id} ORDER BY position`
    assert.deepStrictEqual(
      stored,
      turns.flatMap(({ content, message, message_id }) => [
        { id: message_id, role: "user", content },
        { id: message.id, role: "assistant", content: message.content }
      ])
    )
    const spent = yield* sql`SELECT message_id AS id, sum(output_tokens)::integer AS tokens FROM usage
      WHERE session_id = ${session_id} GROUP BY message_id ORDER BY min(id)`
    assert.deepStrictEqual(
      spent,
      turns.map(({ message, usage }) => ({ id: message.id, tokens: usage.output_tokens }))
    )
  }
  assert.deepStrictEqual(yield* sql`SELECT FROM sessions WHERE lease_token IS NOT NULL`, [])
  // One finished checkpoint each: no write that waits for its end, and no node that is next.
  assert.strictEqual((yield* sql`SELECT FROM checkpoints`).length, sessionCount)
  assert.deepStrictEqual(yield* sql`SELECT FROM checkpoint_writes`, [])
  assert.deepStrictEqual(
    yield* sql`SELECT channel FROM checkpoint_blobs WHERE channel LIKE 'branch:to:%' AND type <> 'empty'`,
    []
  )
})

/** What the model is shown next is the end of the transcript; the stub itself refuses tool calls without an answer. */
const isRemembered = Effect.fnUntraced(function* (turns: ReadonlyArray<Answered>) {
  const stub = yield* StubModel
  const [{ session_id, token }] = [turns[0] ?? assert.fail("no turn")]
  yield* stub.reset
  yield* answer({ session_id, token }, "What did we say?")
  const [call] = yield* stub.calls
  const shown = (call?.request.messages ?? []).filter(({ role }) => role === "user" || role === "assistant")
  const said = turns.flatMap(({ content, message }) => [content, message.content])
  const words = shown.map(({ content }) => String(content ?? "")).filter((content) => content !== "")
  assert.isAtLeast(words.length, 3)
  assert.deepStrictEqual(words, [...said, "What did we say?"].slice(-words.length))
})

layer(ServerProcess.layer, { excludeTestServices: true })("a server that is killed at random", (it) => {
  it.effect(
    `${kills} times during ${sessionCount * turnsPerSession} turns answers each of them once, when they are repeated`,
    () =>
      Effect.gen(function* () {
        const seed = yield* Config.Int("TEST_SEED").pipe(Config.withDefault(randomInt(1_000_000)))
        yield* Effect.gen(function* () {
          const stub = yield* StubModel
          yield* stub.handle(model)
          const planned = yield* plan
          const answers = yield* Queue.unbounded<void>()
          const [sessions] = yield* Effect.all(
            [
              Effect.forEach(
                planned,
                Effect.forEach((turn) => Effect.tap(untilAnswered(turn), Queue.offer(answers, undefined))),
                { concurrency: "unbounded" }
              ),
              killing(answers)
            ],
            { concurrency: "unbounded" }
          )
          yield* isStoredOnce(sessions)
          const calls = (yield* stub.calls).length
          assert.deepStrictEqual(
            yield* Effect.forEach(sessions.flat(), untilAnswered, { concurrency: 10 }),
            sessions.flat()
          )
          assert.strictEqual((yield* stub.calls).length, calls, "the model was asked again")
          yield* isStoredOnce(sessions)
          yield* Effect.forEach(sessions, isRemembered)
        }).pipe(
          Random.withSeed(seed),
          Effect.onError(() => Console.error(`To have the same kills again: TEST_SEED=${seed}`))
        )
      }),
    180_000
  )
})
