/** Tokens streamed per second of CPU through `POST /chat/stream`, against reading them straight from the same model. */
import { Effect, Schema } from "effect"
import * as Parley from "../Parley.ts"
import { Postgres } from "../Postgres.ts"
import { startTold, watching } from "../Processes.ts"
import { atLeastPercent, progress, type Row } from "../Row.ts"
import * as StubModel from "../StubModel.ts"
import { median, percent, range, ratios } from "../Statistics.ts"
import { question, streams } from "../streamedTurn.ts"

/** As many tokens as V8 needs to be done with compiling. */
const warmUp = { answers: 300, atOnce: 100 }
const rounds = 5

/** Something that streams, and the process that pays for it. */
interface Reader {
  readonly pid: number
  /** Gives the number of tokens. */
  readonly read: (how: { readonly answers: number; readonly atOnce: number }) => Effect.Effect<number>
}

const direct = Effect.fnUntraced(function* (by: "ChatOpenAI" | "fetch", modelUrl: string) {
  const flags = ["--by", by, "--model-url", modelUrl]
  const { pid, told } = yield* startTold("bench/reader.ts", flags, Schema.Struct({ url: Schema.String }))
  const read: Reader["read"] = ({ answers, atOnce }) =>
    Effect.promise((signal) =>
      fetch(`${told.url}/?answers=${answers}&at_once=${atOnce}`, { signal }).then((response) => response.text())
    ).pipe(Effect.map(Number))
  return { pid, read }
})

const throughParley = Effect.fnUntraced(function* (database: string, modelUrl: string) {
  const { pid, url } = yield* Parley.run({ database, modelUrl })
  const client = yield* Parley.client(url)
  const answer = Effect.gen(function* () {
    const body = yield* client.post("/chat/stream", { session_id: yield* client.openSession, content: question })
    if (!body.includes("\nevent: done\n"))
      return yield* Effect.die(new Error(`A stream did not end well: ${body.slice(-200)}`))
    return body.split("\nevent: token\n").length - 1
  })
  const read: Reader["read"] = ({ answers, atOnce }) =>
    Effect.forEach(Array.from({ length: answers }), () => answer, { concurrency: atOnce }).pipe(
      Effect.map((counts) => counts.reduce((sum, count) => sum + count, 0))
    )
  return { pid, read }
})

/** Tokens per CPU second of one round. */
const round = Effect.fnUntraced(function* ({ pid, read }: Reader) {
  const { cpuSeconds, value } = yield* watching(pid, read({ answers: streams.atOnce, atOnce: streams.atOnce }))
  const expected = streams.atOnce * streams.tokensPerAnswer
  return value === expected
    ? value / cpuSeconds
    : yield* Effect.die(new Error(`${value} tokens came instead of ${expected}`))
})

const measure = Effect.gen(function* () {
  const { database } = yield* Postgres
  const { baseUrl } = yield* StubModel.run({
    tokens: streams.tokensPerAnswer,
    betweenMillis: streams.betweenTokensMillis
  })
  const parley = yield* throughParley(yield* database, baseUrl)
  const chatOpenAI = yield* direct("ChatOpenAI", baseUrl)
  const bare = yield* direct("fetch", baseUrl)

  yield* progress("warming up all three readers")
  yield* Effect.forEach([parley, chatOpenAI, bare], ({ read }) => read(warmUp))
  const measured = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    Effect.gen(function* () {
      yield* progress(`round ${index + 1} of ${rounds}`)
      return { parley: yield* round(parley), chatOpenAI: yield* round(chatOpenAI), bare: yield* round(bare) }
    })
  )
  const ours = measured.map((all) => all.parley)
  const micros = (perCpuSecond: ReadonlyArray<number>) => (1e6 / median(perCpuSecond)).toFixed(0)
  const line = (against: string, theirs: ReadonlyArray<number>) => ({
    what: `streamed tokens per CPU second, against ${against}`,
    measured: `${percent(median(ours) / median(theirs))} (${micros(ours)} against ${micros(theirs)} us a token)`,
    spread: range(ratios(ours, theirs), percent)
  })
  const theirs = measured.map((all) => all.chatOpenAI)
  return [
    {
      ...line("ChatOpenAI.stream() read directly", theirs),
      bar: atLeastPercent(median(ours) / median(theirs), 55)
    },
    line(
      "a bare fetch reader",
      measured.map((all) => all.bare)
    )
  ]
})

export const streamedTokens: Row = { name: "streamed-tokens", measure }
