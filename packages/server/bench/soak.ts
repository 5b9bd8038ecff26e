/**
 * `make soak`: mixed traffic on one server for SOAK_MINUTES, and then whether it is where it was: memory, files, the event
 * loop. What stays is measured after a full collection of garbage, asked for through Node's inspector, because what a heap
 * has between two of them says nothing. Exit code 1 when it is not flat.
 */
import { NodeServices } from "@effect/platform-node"
import { Clock, Config, Console, Effect, Layer, Schema } from "effect"
import * as Boot from "../src/Boot.ts"
import * as Parley from "./Parley.ts"
import { Postgres } from "./Postgres.ts"
import { freePort } from "./Processes.ts"
import { progress } from "./Row.ts"
import * as SoakTraffic from "./soakTraffic.ts"
import { median } from "./Statistics.ts"
import * as StubModel from "./StubModel.ts"

const walkers = 10
const sampleEvery = "10 seconds"
const samplesPerLine = 3

/** Of the time; caches fill, code is compiled, pools open. */
const warmUpShare = 0.25

/**
 * What the line through the samples after the warm-up may rise by from its beginning to its end: a twentieth of what is
 * used, or the noise of a short run if that is more. In ten minutes a leak of some hundred bytes a request is beyond it.
 */
const limits = {
  heap: { share: 0.05, least: 4 },
  rss: { share: 0.1, least: 24 },
  files: { share: 0, least: 5 },
  lagMillis: 50
}

interface Sample {
  readonly seconds: number
  readonly heap: number
  readonly rss: number
  readonly files: number
  readonly lagMillis: number
}

const mebi = 1024 * 1024

const Targets = Schema.fromJsonString(Schema.Array(Schema.Struct({ webSocketDebuggerUrl: Schema.String })))

/** Attaches to it once; gives a full collection of garbage, which comes back when it is done. */
const attach = Effect.fnUntraced(function* (inspector: string) {
  const list = yield* Effect.promise((signal) => fetch(`${inspector}/json/list`, { signal }).then((it) => it.text()))
  const [target] = yield* Schema.decodeUnknownEffect(Targets)(list)
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => new WebSocket(target?.webSocketDebuggerUrl ?? "")),
    (it) => Effect.sync(() => it.close())
  )
  // Whoever waits for what does not come any more sees a time-out.
  const heard = (kind: "open" | "message") =>
    Effect.callback<void>((resume) => {
      socket.addEventListener(kind, () => resume(Effect.void), { once: true })
    }).pipe(Effect.timeout("30 seconds"), Effect.orDie)
  yield* heard("open")
  return Effect.suspend(() => {
    socket.send('{"id":1,"method":"HeapProfiler.collectGarbage"}')
    return heard("message")
  })
})

const scrape = (url: string) =>
  Effect.map(
    Effect.promise((signal) => fetch(`${url}/metrics`, { signal }).then((response) => response.text())),
    (text) => (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "mu").exec(text)?.[1])
  )

const sample = Effect.fnUntraced(function* (url: string, collect: Effect.Effect<void>, seconds: number) {
  // Of the time since the last scrape, without the collection.
  const lagMillis = (yield* scrape(url))("nodejs_eventloop_lag_p99_seconds") * 1000
  yield* collect
  const value = yield* scrape(url)
  return {
    seconds,
    heap: value("nodejs_heap_size_used_bytes") / mebi,
    rss: value("process_resident_memory_bytes") / mebi,
    files: value("process_open_fds"),
    lagMillis
  } satisfies Sample
})

/** By how much the line of least squares rises over the samples. */
const rise = (samples: ReadonlyArray<Sample>, of: (sample: Sample) => number) => {
  const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [times, values] = [samples.map(({ seconds }) => seconds), samples.map(of)]
  const [time, level] = [mean(times), mean(values)]
  const spread = times.reduce((sum, at) => sum + (at - time) ** 2, 0)
  const slope = times.reduce((sum, at, index) => sum + (at - time) * ((values[index] ?? 0) - level), 0) / spread
  return { level, by: slope * ((times.at(-1) ?? 0) - (times[0] ?? 0)), perHour: slope * 3600 }
}

class NotFlat extends Schema.TaggedError<NotFlat>()("NotFlat", { what: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `Not flat: ${this.what.join(", ")}`
  }
}

const judge = Effect.fnUntraced(function* (samples: ReadonlyArray<Sample>, errors: ReadonlyArray<string>) {
  const bad: Array<string> = []
  for (const [name, unit] of [
    ["heap", "MiB"],
    ["rss", "MiB"],
    ["files", ""]
  ] as const) {
    const { by, level, perHour } = rise(samples, (one) => one[name])
    const allowed = Math.max(limits[name].least, level * limits[name].share)
    yield* Console.log(
      `${name.padEnd(6)} ${level.toFixed(1)} ${unit} on average, rose by ${by.toFixed(1)} (${perHour.toFixed(1)} an hour); allowed ${allowed.toFixed(1)}`
    )
    if (by > allowed) bad.push(name)
  }
  const lag = median(samples.map(({ lagMillis }) => lagMillis))
  yield* Console.log(`event loop p99 ${lag.toFixed(1)} ms; allowed ${limits.lagMillis}`)
  if (lag > limits.lagMillis) bad.push("event loop")
  yield* Console.log(`errors ${errors.length}`)
  yield* Effect.forEach(errors.slice(0, 5), (error) => Console.log(`  ${error}`))
  if (errors.length > 0) bad.push("errors")
  if (bad.length > 0) return yield* new NotFlat({ what: bad })
  yield* Console.log("Flat.")
})

const soak = Effect.gen(function* () {
  const minutes = yield* Config.withDefault(
    Config.schema(Schema.FiniteFromString.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })), "SOAK_MINUTES"),
    10
  )
  yield* progress(`${walkers} people for ${minutes} min; the first quarter warms up`)
  const { database } = yield* Postgres
  const model = yield* StubModel.run({ tokens: 20, betweenMillis: 5 })
  const inspector = `127.0.0.1:${yield* freePort}`
  const { url } = yield* Parley.run({
    database: yield* database,
    modelUrl: model.baseUrl,
    settings: { NODE_OPTIONS: `--inspect=${inspector} --inspect-publish-uid=http`, BCRYPT_ROUNDS: "8" }
  })
  const collect = yield* attach(`http://${inspector}`)
  const { counts, walk } = SoakTraffic.make(url)
  yield* Effect.forEach(Array.from({ length: walkers }), (_, walker) => Effect.forkScoped(walk(walker)))

  const startedAt = yield* Clock.currentTimeMillis
  const samples: Array<Sample> = []
  while ((samples.at(-1)?.seconds ?? 0) < minutes * 60) {
    yield* Effect.sleep(sampleEvery)
    const seconds = ((yield* Clock.currentTimeMillis) - startedAt) / 1000
    const { files, heap, lagMillis, rss } = yield* sample(url, collect, seconds)
    if (samples.push({ seconds, files, heap, lagMillis, rss }) % samplesPerLine !== 0) continue
    yield* Console.log(
      `${seconds.toFixed(0).padStart(6)} s  ${counts.requests} requests, ${counts.aborted} aborted, ${counts.errors.length} errors; ` +
        `heap ${heap.toFixed(1)} MiB, rss ${rss.toFixed(0)} MiB, ${files} files, event loop p99 ${lagMillis.toFixed(0)} ms`
    )
  }
  yield* judge(
    samples.filter(({ seconds }) => seconds > minutes * 60 * warmUpShare),
    counts.errors
  )
})

Boot.run(Effect.provide(Effect.scoped(soak), Postgres.layer.pipe(Layer.provideMerge(NodeServices.layer))))
