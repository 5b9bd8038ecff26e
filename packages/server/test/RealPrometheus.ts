/** A real Prometheus of a test's own, which scrapes one server, and promtool. */
import { Context, Effect, FileSystem, Layer, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { freePort } from "../bench/Processes.ts"

const missing = (command: string) => new Error(`There is no ${command}: \`make test\` installs it, or says how`)

/** Runs promtool; what it says of what it reads, and whether it is content. */
export const promtool = (args: ReadonlyArray<string>, input: string) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = spawn("promtool", args)
    let output = ""
    child.once("error", () => resume(Effect.die(missing("promtool"))))
    child.stdout.on("data", (data) => (output += String(data)))
    child.stderr.on("data", (data) => (output += String(data)))
    child.once("close", (code) => resume(Effect.succeed({ code, output })))
    child.stdin.end(input)
  })

/**
 * OpenMetrics as the older text format, which is the one that `promtool check metrics` reads: without exemplars, with
 * counters that are declared by the name of their samples, and with its own word for what has no type.
 */
export const asText = (openMetrics: string): string =>
  openMetrics
    .replaceAll(/ # \{.*$/gmu, "")
    .replaceAll(/^# TYPE (\S+) counter$/gmu, "# TYPE $1_total counter")
    .replaceAll(/^(# TYPE \S+) unknown$/gmu, "$1 untyped")
    .replaceAll(/^# HELP (\S+) /gmu, (line, name: string) =>
      openMetrics.includes(`# TYPE ${name} counter\n`) ? `# HELP ${name}_total ` : line
    )
    .replace("# EOF\n", "")

const Vector = Schema.Struct({
  status: Schema.tag("success"),
  data: Schema.Struct({
    result: Schema.Array(
      Schema.Struct({
        metric: Schema.Record(Schema.String, Schema.String),
        value: Schema.Tuple([Schema.Number, Schema.String])
      })
    )
  })
})
const Exemplars = Schema.Struct({
  status: Schema.tag("success"),
  data: Schema.Array(
    Schema.Struct({
      exemplars: Schema.Array(Schema.Struct({ labels: Schema.Record(Schema.String, Schema.String) }))
    })
  )
})
export type Series = (typeof Vector.Type)["data"]["result"][number]

export class RealPrometheus extends Context.Service<
  RealPrometheus,
  {
    /** The series that an expression has now. */
    readonly query: (expression: string) => Effect.Effect<ReadonlyArray<Series>>
    /** The labels of the exemplars that a metric had in the last hour. */
    readonly exemplars: (metric: string) => Effect.Effect<ReadonlyArray<Readonly<Record<string, string>>>>
    /** Waits until it has seen everything of the server that there is now. */
    readonly scraped: Effect.Effect<void>
  }
>()("@parley/server/test/RealPrometheus") {
  /** Scrapes the server on this port. */
  static readonly layerOf = (options: { readonly port: number; readonly token: string }) =>
    Layer.effect(
      RealPrometheus,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped({ prefix: "parley-prometheus-" })
        const config = {
          global: { scrape_interval: "500ms", scrape_timeout: "500ms" },
          scrape_configs: [
            {
              job_name: "parley",
              authorization: { credentials: options.token },
              static_configs: [{ targets: [`127.0.0.1:${options.port}`] }]
            }
          ]
        }
        // JSON is YAML.
        yield* fs.writeFileString(`${directory}/prometheus.yml`, JSON.stringify(config))
        const port = yield* freePort
        yield* Effect.acquireRelease(
          Effect.callback<ReturnType<typeof spawn>>((resume) => {
            const child = spawn(
              "prometheus",
              [
                `--config.file=${directory}/prometheus.yml`,
                `--storage.tsdb.path=${directory}/data`,
                `--web.listen-address=127.0.0.1:${port}`,
                "--enable-feature=exemplar-storage",
                "--log.level=error"
              ],
              { stdio: ["ignore", "inherit", "inherit"] }
            )
            child.once("error", () => resume(Effect.die(missing("prometheus"))))
            child.once("spawn", () => resume(Effect.succeed(child)))
          }),
          (child) =>
            Effect.callback<void>((resume) => {
              if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
              child.once("exit", () => resume(Effect.void))
              child.kill("SIGKILL")
            })
        )
        const get = (path: string) =>
          Effect.promise(async (signal) => (await fetch(`http://127.0.0.1:${port}${path}`, { signal })).text())
        const ask = <A>(schema: Schema.Codec<A, unknown>, path: string) =>
          Effect.orDie(Effect.flatMap(get(path), Schema.decodeUnknownEffect(Schema.fromJsonString(schema))))
        const query = (expression: string) =>
          Effect.map(ask(Vector, `/api/v1/query?query=${encodeURIComponent(expression)}`), ({ data }) => data.result)
        const scrapes = Effect.map(query("count_over_time(up[1h])"), ([series]) => Number(series?.value[1] ?? 0))
        const every = Schedule.spaced("100 millis")
        yield* get("/-/ready").pipe(
          Effect.repeat({ until: (text) => text.includes("Ready"), schedule: every }),
          Effect.sandbox,
          Effect.retry(every),
          Effect.timeout("20 seconds"),
          Effect.orDie
        )
        return RealPrometheus.of({
          query,
          exemplars: (metric) =>
            Effect.map(
              Effect.flatMap(
                Effect.clockWith((clock) => clock.currentTimeMillis),
                (now) =>
                  ask(
                    Exemplars,
                    `/api/v1/query_exemplars?query=${encodeURIComponent(metric)}&start=${now / 1000 - 3600}&end=${now / 1000 + 60}`
                  )
              ),
              ({ data }) => data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels))
            ),
          scraped: Effect.flatMap(scrapes, (before) =>
            Effect.repeat(scrapes, { until: (now) => now >= before + 2, schedule: every })
          )
        })
      })
    )
}
