/** Whatever is sent, the answer is one that the OpenAPI document speaks of. `make fuzz` sends more. */
import { NodeCrypto, NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Config, Console, Data, Effect, Layer, Option, Ref } from "effect"
import { type Document, type Operation, operations, served } from "../test/ApiDocument.ts"
import { judge } from "../test/FuzzJudge.ts"
import { requests } from "../test/FuzzRequests.ts"
import * as World from "../test/FuzzWorld.ts"
import { parrot } from "../test/Parrot.ts"
import { type RawReply, type RawRequest, rawRequest } from "../test/rawRequest.ts"
import { secret } from "../test/TestBilling.ts"
import * as TestDatabase from "../test/TestDatabase.ts"
import * as TestLog from "../test/TestLog.ts"
import { layerConfig, TestServer } from "../test/TestServer.ts"
import * as Http from "./Http.ts"
import * as Server from "./Server.ts"
import { Metrics } from "./Telemetry/Metrics.ts"
import { Prices } from "./Usage/Prices.ts"

/** More of it, or the same again: see CONTRIBUTING. */
const options = Config.all({
  runs: Config.option(Config.Int("FUZZ_REQUESTS")),
  part: Config.withDefault(Config.String("FUZZ_OPERATION"), ""),
  seed: Config.option(Config.String("FUZZ_SEED")),
  replay: Config.option(Config.String("FUZZ_REPLAY"))
})

class Violated extends Data.TaggedError("Violated")<{
  readonly problems: ReadonlyArray<string>
  readonly reply: RawReply
}> {}

/** With the Node server that production has: it refuses some requests by itself. */
const FuzzedServer = Layer.merge(TestServer.layerClient, Server.layer).pipe(
  Layer.provide([parrot, Prices.layer]),
  Layer.provide(Http.layerServer),
  Layer.provideMerge(Layer.merge(TestDatabase.layer, TestLog.layer)),
  Layer.provide(Metrics.layer),
  Layer.provide(layerConfig({ PORT: "0", STRIPE_WEBHOOK_SECRET: secret })),
  Layer.provideMerge(Layer.merge(NodeCrypto.layer, NodeServices.layer))
)

const unanswered = (text: string) => Effect.succeed<RawReply>({ status: 0, headers: {}, text })

const ask = (url: string, request: RawRequest) =>
  rawRequest(url, request).pipe(
    Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => unanswered("no answer within 10 seconds") }),
    Effect.catchDefect((defect) => unanswered(String(defect)))
  )

/** Whether the account, its tokens, its session or what is in it is gone, or may not be asked for a while. */
const isSpent = (operation: Operation, status: number) =>
  status === 204 || status === 429 || (status === 200 && operation.operationId === "auth.refresh")

const shown = (value: unknown) => JSON.stringify(value).slice(0, 2000)

/** Sends requests to one operation until one is answered wrongly. Tells of it, and how often which status was seen. */
const fuzz = Effect.fnUntraced(function* (
  document: Document,
  [name, operation]: readonly [string, Operation],
  options: Arbitrary.CheckOptions
) {
  const { url } = yield* TestServer
  const { lines } = yield* TestLog.TestLog
  const world = yield* Ref.make(yield* World.make)
  const stranger = yield* World.make
  const seen = new Map<number, number>()

  const isAnsweredAsDocumented = Effect.fnUntraced(function* (request: RawRequest) {
    const strangers = { strangers_token: stranger["token"] ?? "", strangers_session: stranger["session"] ?? "" }
    const reply = yield* ask(url, yield* World.within({ ...(yield* Ref.get(world)), ...strangers }, request))
    seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1)
    if (isSpent(operation, reply.status)) yield* Ref.set(world, yield* World.make)
    const problems = judge(document, operation, reply)
    return problems.length === 0 || (yield* new Violated({ problems, reply }))
  })

  const result = yield* Arbitrary.checkEffect(requests(document, name, operation), isAnsweredAsDocumented, options)
  if (result._tag !== "Falsified") return { seen, failure: Arbitrary.formatCheckFailure(result) }
  const error = result.failure._tag === "PropertyError" ? result.failure.error : undefined
  const id = String(error?.reply.headers["x-request-id"])
  const failure = [
    `${name}: ${error?.problems.join("; ")}`,
    `FUZZ_OPERATION='${name}' FUZZ_REPLAY='${result.replay}'`,
    `sent: ${shown(result.shrunkInput)}`,
    `answered: ${shown(error?.reply)}`,
    ...lines.filter((line) => line.includes(id))
  ].join("\n")
  return { seen, failure }
})

layer(FuzzedServer, { excludeTestServices: true })("whatever is sent", (it) => {
  it.effect(
    "is answered as the OpenAPI document says, and by no failure",
    () =>
      Effect.gen(function* () {
        const { part, replay, runs, seed } = yield* options
        const document = yield* served
        const failures: Array<string> = []
        for (const entry of operations(document).filter(([name]) => name.includes(part))) {
          const { failure, seen } = yield* fuzz(document, entry, {
            runs: Option.getOrElse(runs, () => 30),
            concurrency: 4,
            seed: Option.getOrUndefined(seed),
            replay: Option.getOrUndefined(replay)
          })
          const statuses = [...seen].toSorted().map(([status, count]) => `${count} x ${status}`)
          if (Option.isSome(runs)) yield* Console.log(`${entry[0]}: ${statuses.join(", ")}`)
          if (failure !== undefined) failures.push(failure)
          // Nothing runs that could be cancelled. Elsewhere requests that are refused alone would prove little.
          else if (![...seen.keys()].some((status) => status < 300 || status === 409)) {
            failures.push(`${entry[0]}: nothing was answered with success: ${statuses.join(", ")}`)
          }
        }
        assert.isEmpty(failures, failures.join("\n\n"))
      }),
    3_600_000
  )
})
