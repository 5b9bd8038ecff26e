import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { acquire } from "./EmbeddedPostgres.ts"

/**
 * For the tests: a process of its own that uses the database, says so in one line, and goes on using it until it is
 * killed.
 */
const [dataDir = "", linger = "", durability = ""] = process.argv.slice(2)

NodeRuntime.runMain(
  Effect.gen(function* () {
    const { started, url } = yield* acquire({ dataDir, durable: durability === "durable", linger: Number(linger) })
    process.stdout.write(`${JSON.stringify({ url: Redacted.value(url), started })}\n`)
    return yield* Effect.never
  }).pipe(Effect.scoped)
)
