/** Conversations made up at random: steps, how they are taken, and what is kept of them. */
import { ChatAnswer } from "@parley/domain/Chat"
import { Arbitrary, Deferred, Effect, Match, Option, Schedule, Schema, Stream } from "effect"
import { randomUUID } from "node:crypto"
import type { Heard, History } from "./History.ts"
import { Fate, type Plan } from "./ScriptedModel.ts"
import { listen, type Person, say as post, type SseEvent } from "./TestChat.ts"
import { TestServer } from "./TestServer.ts"
import { TwoServers } from "./TwoServers.ts"

/** The simplest first: that is where a failing conversation shrinks to. */
const step = <const Tag extends string, Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.TaggedStruct(tag, {
    ...fields,
    server: Schema.Literals([0, 1]),
    when: Schema.Literals(["at once", "soon", "asked"])
  })

const how = Schema.Literals(["chat", "stream"])
const pauseMillis = Schema.Literals([0, 5, 20])

const Step = Schema.Union([
  step("Say", { how, fate: Fate, pauseMillis }),
  /** Leaves after so many events of a stream, or else as soon as the model has been asked. */
  step("Leave", {
    how,
    fate: Fate,
    pauseMillis,
    onDisconnect: Schema.Literals(["cancel", "continue"]),
    events: Schema.Literals([0, 1, 2, 3])
  }),
  step("Repeat", { how, which: Schema.Literals([0, 1, 2, 3]), content: Schema.Literals(["same", "other"]) }),
  step("Cancel", {}),
  step("Clear", {}),
  step("Delete", {})
])
export type Step = typeof Step.Type
type Of<Tag extends Step["_tag"]> = Extract<Step, { _tag: Tag }>

/** Steps that are taken at once, one group after the other. */
const scriptOf = (minLength: number, maxLength: number) =>
  Arbitrary.array(Arbitrary.array(Arbitrary.schema(Step), { minLength: 1, maxLength: 4 }), { minLength, maxLength })
export const script = scriptOf(1, 5)
export const longScript = scriptOf(30, 35)
export type Script = ReadonlyArray<ReadonlyArray<Step>>

const unheard: Heard = { _tag: "Unheard" }

let moments = 0
const moment = Effect.sync(() => ++moments)

const decodeAnswer = Schema.decodeUnknownOption(ChatAnswer)
const decodeDetail = Schema.decodeUnknownOption(Schema.Struct({ detail: Schema.String }))

const failed = (status: number, body: unknown): Heard => ({
  _tag: "Failed",
  status,
  detail: Option.match(decodeDetail(body), { onNone: () => JSON.stringify(body), onSome: ({ detail }) => detail })
})

const heardOf = (last: SseEvent | undefined): Heard => {
  const message = last?.event === "done" ? last.data.message : undefined
  if (message !== undefined) return { _tag: "Answered", ...message }
  return last?.event === "error" ? failed(Number(last.data.status), last.data) : unheard
}

const ask = {
  chat: Effect.fnUntraced(function* (person: Person, content: string, more: object) {
    const { json, status } = yield* post(person, content, { ...more })
    return Option.match(decodeAnswer(json), {
      onNone: () => failed(status, json),
      onSome: ({ message: { content, id } }): Heard => ({ _tag: "Answered", id, content })
    })
  }),
  stream: Effect.fnUntraced(function* (person: Person, content: string, more: object, events = Infinity) {
    const { events: coming, response } = yield* listen(person, content, { ...more })
    if (response.status !== 200) return failed(response.status, yield* Effect.promise(() => response.json()))
    const heard = heardOf((yield* Stream.runCollect(Stream.take(coming, events))).at(-1))
    return heard._tag === "Unheard" && events === Infinity ? failed(0, { detail: "the stream had no end" }) : heard
  })
}

const interventions = {
  Cancel: { kind: "cancel", method: "POST", path: "/cancel" },
  Clear: { kind: "clear", method: "DELETE", path: "/messages" },
  Delete: { kind: "delete", method: "DELETE", path: "" }
} as const

interface Message {
  readonly message_id: string
  readonly content: string
  readonly asked: Deferred.Deferred<void>
}

/** One session, talked to by one person on two servers. */
export const open = Effect.fnUntraced(function* (token: string, plans: Map<string, Plan>) {
  const servers = yield* TwoServers
  const session_id = yield* servers[0].openSession(token)
  const person: Person = { token, session_id }
  const history: History = { turns: [], interventions: [] }

  let said = 0

  const plan = (content: string, fate: Fate, pauseMillis: number) => {
    const known = plans.get(content)
    if (known !== undefined) return known
    const made = { fate, pauseMillis, tokens: 1000 + plans.size, asked: Deferred.makeUnsafe<void>(), answers: 0 }
    plans.set(content, made)
    return made
  }
  const message = (fate: Fate, pauseMillis: number): Message => {
    const content = `${session_id} ${++said}`
    return { content, message_id: randomUUID(), asked: plan(content, fate, pauseMillis).asked }
  }

  /** Kept from its beginning: whoever is interrupted has asked all the same. */
  const turn = Effect.fnUntraced(function* (id: string, content: string, asking: Effect.Effect<Heard>) {
    const asked = { id, content, began: yield* moment, ended: Infinity, heard: unheard }
    const index = history.turns.push(asked) - 1
    const heard = yield* asking
    if (heard._tag !== "Unheard") history.turns[index] = { ...asked, heard, ended: yield* moment }
    return heard
  })

  const onServer = (index: 0 | 1, asking: Effect.Effect<Heard, unknown, TestServer>) =>
    asking.pipe(Effect.provideService(TestServer, servers[index]), Effect.orDie)

  const say = Effect.fnUntraced(function* ({ how, server }: Of<"Say">, { content, message_id }: Message) {
    yield* turn(message_id, content, onServer(server, ask[how](person, content, { message_id })))
  })

  const leave = Effect.fnUntraced(function* (step: Of<"Leave">, { asked, content, message_id }: Message) {
    const more = { message_id, on_disconnect: step.onDisconnect }
    const asking =
      step.how === "stream" && step.events > 0
        ? ask.stream(person, content, more, step.events)
        : Effect.raceFirst(ask[step.how](person, content, more), Effect.as(Deferred.await(asked), unheard))
    yield* turn(message_id, content, onServer(step.server, asking))
  })

  /** Insists until it hears more than that a turn is running. */
  const repeat = Effect.fnUntraced(function* (step: Of<"Repeat">) {
    const before = history.turns[step.which % Math.max(1, history.turns.length)]
    if (before === undefined) return
    const { id } = before
    const content = step.content === "same" ? before.content : `${before.content} or not`
    plan(content, "answer", 0)
    yield* turn(id, content, onServer(step.server, ask[step.how](person, content, { message_id: id }))).pipe(
      Effect.repeat({ while: isBusy, schedule: Schedule.spaced(3), times: 30 })
    )
  })

  const intervene = Effect.fnUntraced(function* (step: Of<keyof typeof interventions>) {
    const { kind, method, path } = interventions[step._tag]
    const began = yield* moment
    const { status } = yield* servers[step.server].ask(method, `/v1/chat/sessions/${session_id}${path}`, { token })
    history.interventions.push({ kind, began, status, ended: yield* moment })
  })

  /** Takes steps at once. Some wait until the model has been asked by one of the others, if any of them gets so far. */
  const take = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>) {
    const made = steps.map((step) => ({
      step,
      ...("fate" in step ? message(step.fate, step.pauseMillis) : message("answer", 0))
    }))
    const spoken = made.filter(({ step }) => "fate" in step && step.when !== "asked")
    const asked = Effect.timeoutOption(
      Effect.raceAll(spoken.map((message) => Deferred.await(message.asked))),
      "200 millis"
    )
    const waits = {
      "at once": Effect.void,
      soon: Effect.sleep("5 millis"),
      asked: spoken.length === 0 ? Effect.void : asked
    }
    yield* Effect.forEach(
      made,
      ({ step, ...message }) =>
        Effect.andThen(
          waits[step.when],
          Match.valueTags(step, {
            Say: (step) => say(step, message),
            Leave: (step) => leave(step, message),
            Repeat: repeat,
            Cancel: intervene,
            Clear: intervene,
            Delete: intervene
          })
        ),
      { concurrency: "unbounded", discard: true }
    )
  })

  /** A last turn, when whoever is still at it has ended and the database is back. */
  const conclude = Effect.gen(function* () {
    const { content, message_id } = message("answer", 0)
    yield* turn(message_id, content, onServer(1, ask.chat(person, content, { message_id }))).pipe(
      Effect.repeat({ while: (heard) => isBusy(heard) || isOut(heard), schedule: Schedule.spaced(20), times: 250 })
    )
    return content
  })

  return {
    person,
    history,
    plans,
    take,
    conclude
  }
})
export type Conversation = Effect.Success<ReturnType<typeof open>>

const isBusy = (heard: Heard) => heard._tag === "Failed" && heard.detail === "A turn is already running in this session"
const isOut = (heard: Heard) => heard._tag === "Failed" && heard.detail === "Service temporarily unavailable"
