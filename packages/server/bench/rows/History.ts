/** What a turn costs after 10, 100, 1000 and 5000 messages, of Parley and of a chat on LangGraph's own `PostgresSaver`. */
import { Effect, Schema, type Scope } from "effect"
import * as Meter from "../Meter.ts"
import { newQuestion } from "../newQuestion.ts"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { startTold } from "../Processes.ts"
import { atMost, type Line, progress, type Row, type Services } from "../Row.ts"
import * as StubModel from "../StubModel.ts"
import { median } from "../Statistics.ts"

/** Short conversations grow while they are measured: so there are several, and each is measured for a few turns. */
const lengths = [
  { messages: 10, conversations: 30 },
  { messages: 100, conversations: 6 },
  { messages: 1000, conversations: 1 },
  { messages: 5000, conversations: 1 }
]

const warmUpTurns = 200

/** In a statement that is no turn's: once a second, for all turns of a server together. */
const leaseWatch = "WITH renewed AS ("

/** Something that talks and remembers. */
interface Chat {
  /** A conversation of so many messages, as its next turn. */
  readonly conversation: (messages: number) => Effect.Effect<Effect.Effect<unknown>>
}

const parley = Effect.fnUntraced(function* (database: string, modelUrl: string) {
  const { url } = yield* Parley.run({ database, modelUrl })
  const client = yield* Parley.client(url)
  const conversation: Chat["conversation"] = Effect.fnUntraced(function* (messages) {
    const session_id = yield* client.openSession
    const turn = Effect.suspend(() => client.post("/chat", { session_id, content: newQuestion() }))
    yield* Effect.replicateEffect(turn, messages / 2, { discard: true })
    return turn
  })
  return { conversation }
})

const postgresSaver = Effect.fnUntraced(function* (database: string, modelUrl: string) {
  const flags = ["--database", database, "--model-url", modelUrl]
  const { told } = yield* startTold("bench/postgresSaver.ts", flags, Schema.Struct({ url: Schema.String }))
  const send = (method: "PUT" | "POST", path: string) =>
    Effect.promise(async (signal) => {
      const response = await fetch(told.url + path, { method, body: newQuestion(), signal })
      const text = await response.text()
      if (!response.ok) throw new Error(text)
    })
  let threads = 0
  const conversation: Chat["conversation"] = Effect.fnUntraced(function* (messages) {
    const path = `/thread-${++threads}`
    yield* send("PUT", `${path}?messages=${messages}`)
    return send("POST", path)
  })
  return { conversation }
})

interface Measured extends Meter.Reading {
  readonly millis: number
}

/** The turns measured at each length. */
const turnsOf = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly rounds: number
  readonly start: (database: string, modelUrl: string) => Effect.Effect<Chat, never, Services | Scope.Scope>
}) {
  const { name, rounds } = options
  const database = yield* (yield* Postgres).database
  const meter = yield* Meter.make(database, leaseWatch)
  const model = yield* StubModel.run({ tokens: 100, betweenMillis: 0 })
  const chat = yield* options.start(database, model.baseUrl)

  yield* progress(`${name}: warming up with ${warmUpTurns} turns`)
  const warmUp = Effect.flatMap(chat.conversation(2), (turn) => Effect.replicateEffect(turn, 10, { discard: true }))
  yield* Effect.replicateEffect(warmUp, warmUpTurns / 10, { discard: true })
  const grown = yield* Effect.forEach(lengths, ({ conversations, messages }) =>
    Effect.andThen(
      progress(`${name}: growing ${conversations} to ${messages} messages`),
      Effect.replicateEffect(chat.conversation(messages), conversations)
    )
  )
  yield* progress(`${name}: ${rounds} turns at each length`)
  const measured = lengths.map(() => Array.of<Measured>())
  // Round by round, so that what slows the machine down for a while slows down all lengths.
  for (let round = 0; round < rounds; round++) {
    for (const [index, turns] of grown.entries()) {
      const turn = turns[round % turns.length] ?? Effect.die(new Error("There is no conversation"))
      const { reading, value } = yield* meter(model.beyond(turn))
      measured[index]?.push({ ...reading, millis: value })
    }
  }
  return measured
}, Effect.scoped)

type ByLength = Effect.Success<ReturnType<typeof turnsOf>>

/** The median at each length, and how many times the first the others are. */
const course = (byLength: ByLength, pick: (turn: Measured) => number) => {
  const [at10 = Number.NaN, at100 = Number.NaN, at1000 = Number.NaN, at5000 = Number.NaN] = byLength.map((turns) =>
    median(turns.map(pick))
  )
  return {
    values: [at10, at100, at1000, at5000].map((value) => value.toFixed(1)).join(", "),
    factors: [at100, at1000, at5000].map((value) => times(value / at10)).join(", "),
    factor: at1000 / at10
  }
}

const times = (factor: number) => `${factor.toFixed(2)}x`

const lines = (ours: ByLength, theirs: ByLength): ReadonlyArray<Line> => {
  const statements = (of: ByLength) => of.flat().map((turn) => turn.statements)
  const most = Math.max(...statements(ours))
  const both = (what: string, pick: (turn: Measured) => number): ReadonlyArray<Line> => {
    const [mine, other] = [course(ours, pick), course(theirs, pick)]
    const at = `${what}, at ${lengths.map(({ messages }) => messages).join(", ")} messages`
    return [
      {
        what: `${what}, at 1000 messages against at 10`,
        measured: `${times(mine.factor)} (PostgresSaver: ${times(other.factor)})`,
        spread: "",
        bar: atMost(mine.factor, 1.5, "x")
      },
      { what: at, measured: mine.values, spread: mine.factors },
      { what: `${at}, PostgresSaver`, measured: other.values, spread: other.factors }
    ]
  }
  return [
    {
      what: "SQL statements of a plain turn, counted by PostgreSQL, BEGIN and COMMIT too",
      measured: `${median(statements(ours))} (PostgresSaver: ${median(statements(theirs))})`,
      spread: `at most ${most}`,
      bar: atMost(most, 8, "statements")
    },
    ...both("kB that a turn writes to the database's log", ({ bytes }) => bytes / 1000),
    ...both("turn overhead in ms, p50", ({ millis }) => millis)
  ]
}

const measure = Effect.gen(function* () {
  const ours = yield* turnsOf({ name: "Parley", start: parley, rounds: 60 })
  // Its turns take long in the end.
  const theirs = yield* turnsOf({ name: "PostgresSaver", start: postgresSaver, rounds: 12 })
  return lines(ours, theirs)
})

export const history: Row = { name: "history", measure }
