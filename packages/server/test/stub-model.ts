/**
 * The stub as a process of its own, so that a benchmark does not pay for its CPU. Prints one JSON line when it listens,
 * `{"baseUrl":"http://127.0.0.1:40123/v1","pid":4711}`, and answers every call with the same text until it is told to
 * stop. `GET /stats`, beside `/v1`, has its counts.
 *
 *   node packages/server/test/stub-model.ts --tokens 500 --delay-between-chunks 10
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Config, Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { text } from "./StubModelReply.ts"
import { listen } from "./StubModelServer.ts"

const count = (name: string, variable: string, fallback: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(`${description}; ${variable}, ${fallback}`),
    Flag.withFallbackConfig(Config.Int(variable).pipe(Config.withDefault(fallback)))
  )

const serve = Command.make(
  "stub-model",
  {
    port: count("port", "STUB_PORT", 0, "0 is a free one"),
    tokens: count("tokens", "STUB_TOKENS", 100, "chunks to an answer, one word each, and its completion tokens"),
    headersMillis: count("delay-before-headers", "STUB_DELAY_BEFORE_HEADERS", 0, "milliseconds"),
    firstChunkMillis: count("delay-before-first-chunk", "STUB_DELAY_BEFORE_FIRST_CHUNK", 0, "milliseconds"),
    betweenMillis: count("delay-between-chunks", "STUB_DELAY_BETWEEN_CHUNKS", 0, "milliseconds")
  },
  Effect.fnUntraced(function* (script) {
    const reply = text(
      Array.from({ length: script.tokens }, (_, index) => `w${index} `),
      {
        delayBeforeHeaders: script.headersMillis,
        delayBeforeFirstChunk: script.firstChunkMillis,
        delayBetweenChunks: script.betweenMillis,
        usage: { completionTokens: script.tokens }
      }
    )
    const { baseUrl } = yield* listen(() => ({ reply }), script.port)
    yield* Console.log(JSON.stringify({ baseUrl, pid: process.pid }))
    return yield* Effect.never
  }, Effect.scoped)
)

Command.run(serve, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
