/** A person who chats, as tests of chatting see them: what they send, and what they get back. */
import { assert } from "@effect/vitest"
import { ChatAnswer } from "@parley/domain/Chat"
import { MessagePage } from "@parley/domain/Sessions"
import { Cause, Deferred, Effect, Fiber, Schema, Stream } from "effect"
import { StubModel } from "./StubModel.ts"
import * as Reply from "./StubModelReply.ts"
import { TestServer } from "./TestServer.ts"

export interface Person {
  readonly token: string
  readonly session_id: string
}

/** A new account with a new session. */
export const newcomer = Effect.gen(function* () {
  const server = yield* TestServer
  const token = yield* server.register
  return { token, session_id: yield* server.openSession(token) }
})

/** Asks for something of the sessions; `path` is below theirs. */
export const sessions = Effect.fnUntraced(function* (method: string, path: string, token: string, body?: unknown) {
  const server = yield* TestServer
  return yield* server.ask(method, `/v1/chat/sessions${path}`, { token, ...(body === undefined ? {} : { body }) })
})

type More = Readonly<Record<string, unknown>>

/** One turn as JSON; whatever comes back. */
export const say = Effect.fnUntraced(function* ({ session_id, token }: Person, content: string, more: More = {}) {
  const server = yield* TestServer
  return yield* server.ask("POST", "/v1/chat", { token, body: { session_id, content, ...more } })
})

const decodeAnswer = Schema.decodeUnknownEffect(ChatAnswer)
const decodePage = Schema.decodeUnknownEffect(MessagePage)

/** One turn that must succeed. */
export const answer = Effect.fnUntraced(function* (person: Person, content: string, more: More = {}) {
  const reply = yield* say(person, content, more)
  assert.strictEqual(reply.status, 200, reply.text)
  return yield* decodeAnswer(reply.json)
})

/** The first hundred messages of the transcript. */
export const messages = Effect.fnUntraced(function* ({ session_id, token }: Person) {
  const server = yield* TestServer
  const reply = yield* server.ask("GET", `/v1/chat/sessions/${session_id}/messages?limit=100`, { token })
  assert.strictEqual(reply.status, 200, reply.text)
  return (yield* decodePage(reply.json)).items
})

/** The transcript as `[role, content]`. */
export const transcript = (person: Person) =>
  Effect.map(messages(person), (items) => items.map(({ content, role }) => [role, content] as const))

const Data = Schema.fromJsonString(
  Schema.Struct({
    content: Schema.optionalKey(Schema.String),
    name: Schema.optionalKey(Schema.String),
    status: Schema.optionalKey(Schema.Unknown),
    detail: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.Struct({ id: Schema.String, content: Schema.String })),
    usage: Schema.optionalKey(Schema.Unknown)
  })
)
const decodeData = Schema.decodeUnknownEffect(Data)

/** One event, read as the HTML standard has it: fields by name, comments left out. */
export interface SseEvent {
  readonly id: string
  readonly event: string
  readonly data: typeof Data.Type
}

const parseFrame = Effect.fnUntraced(function* (frame: string) {
  const fields = new Map<string, string>()
  for (const line of frame.split(/\r\n|\n|\r/u)) {
    if (line.startsWith(":")) continue
    const [name = "", ...rest] = line.split(": ")
    fields.set(name, rest.join(": "))
  }
  const event = fields.get("event")
  if (event === undefined) return []
  const parsed: SseEvent = { id: fields.get("id") ?? "", event, data: yield* decodeData(fields.get("data")) }
  return [parsed]
})

export interface Listening {
  readonly response: Response
  /** Everything as it comes, in the pieces in which it comes. Whoever stops reading it closes the connection. */
  readonly text: Stream.Stream<string, Cause.UnknownError>
  readonly events: Stream.Stream<SseEvent, Cause.UnknownError | Schema.SchemaError>
}

/** The events of a stream, whatever the pieces in which it comes. */
export const eventsOf = <E>(text: Stream.Stream<string, E>) =>
  text.pipe(
    Stream.mapAccum(
      () => "",
      (rest, piece: string) => {
        const frames = (rest + piece).split("\n\n")
        return [frames.at(-1) ?? "", frames.slice(0, -1)] as const
      }
    ),
    Stream.mapEffect(parseFrame),
    Stream.flatMap(Stream.fromIterable)
  )

/** One streamed turn; the response is there with the first event. */
export const listen = Effect.fnUntraced(function* ({ session_id, token }: Person, content: string, more: More = {}) {
  const server = yield* TestServer
  const response = yield* server.fetch("POST", "/v1/chat/stream", { token, body: { session_id, content, ...more } })
  const { body } = response
  const text = Stream.fromReadableStream({
    evaluate: () => body ?? assert.fail("no body"),
    onError: (error) => new Cause.UnknownError(error)
  }).pipe(Stream.decodeText)
  const listening: Listening = { response, text, events: eventsOf(text) }
  return listening
})

/** All events of one streamed turn. */
export const events = Effect.fnUntraced(function* (person: Person, content: string, more: More = {}) {
  const { events, response } = yield* listen(person, content, more)
  assert.strictEqual(response.status, 200)
  return yield* Stream.runCollect(events)
})

/** The text of the answer, as the `token` events of a stream give it. */
export const tokens = (all: ReadonlyArray<SseEvent>): string =>
  all.map(({ data, event }) => (event === "token" ? data.content : "")).join("")

/** Tells the model to wait for `gate` before it answers, and starts a turn; goes on when the model has been asked. */
export const startTurn = Effect.fnUntraced(function* (person: Person, content = "Slowly", more: More = {}) {
  const stub = yield* StubModel
  const gate = yield* Deferred.make<void>()
  yield* stub.enqueue(Reply.text("At last.", { beforeHeaders: Deferred.await(gate) }))
  const reply = yield* Effect.forkChild(say(person, content, more))
  const call = yield* stub.nextCall
  return { call, letAnswer: Deferred.succeed(gate, undefined), reply: Fiber.join(reply) }
})
