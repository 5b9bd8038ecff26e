/** Where Parley exports its traces to in a benchmark: a process, as good or bad as its mood. */
import { Effect } from "effect"
import { answers, freePort, start } from "./Processes.ts"

/** The settings that export everything to everybody, as they do when nothing is left out. */
const settingsFor = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  LANGFUSE_PUBLIC_KEY: "pk-lf-bench",
  LANGFUSE_SECRET_KEY: "sk-lf-bench",
  LANGFUSE_HOST: url
})

export const run = Effect.fnUntraced(function* (mood: "well" | "failing" | "hang") {
  const port = yield* freePort
  yield* start("bench/collectorProcess.ts", { args: ["--port", String(port), "--mood", mood] })
  const url = `http://127.0.0.1:${port}`
  yield* answers(url)
  return settingsFor(url)
})

/** Nobody listens there. */
export const refusing = Effect.map(freePort, (port) => settingsFor(`http://127.0.0.1:${port}`))
