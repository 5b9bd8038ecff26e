import { Effect, Redacted } from "effect"
import { acquire } from "./EmbeddedPostgres.ts"
const t = performance.now()
await Effect.runPromise(Effect.scoped(Effect.gen(function*(){
  const r = yield* acquire({ dataDir: process.argv[2] ?? "", linger: Number(process.argv[3] ?? 1000), durable: process.argv[4] !== "volatile" })
  console.log(Math.round(t), Math.round(performance.now()-t), r.started, r.dataDir, Redacted.value(r.url))
  yield* Effect.sleep(Number(process.argv[5] ?? 300))
})).pipe(Effect.catch(e => Effect.sync(() => console.log(e._tag + "\n" + e.message)))))
console.log("end", Math.round(performance.now()))
