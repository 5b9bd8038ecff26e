/** Where traces are posted to: decodes OTLP as JSON, keeps what came, and prints it as trees. May be as bad as collectors are. */
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"

/** `hang` takes the request and never answers. */
export type Mood = "well" | "failing" | "hang"

const Value = Schema.Struct({
  stringValue: Schema.optionalKey(Schema.String),
  intValue: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
  doubleValue: Schema.optionalKey(Schema.Number),
  boolValue: Schema.optionalKey(Schema.Boolean),
  arrayValue: Schema.optionalKey(Schema.Struct({ values: Schema.Array(Schema.Unknown) }))
})
const Attributes = Schema.Array(Schema.Struct({ key: Schema.String, value: Value }))
const Posted = Schema.fromJsonString(
  Schema.Struct({
    resourceSpans: Schema.Array(
      Schema.Struct({
        resource: Schema.Struct({ attributes: Attributes }),
        scopeSpans: Schema.Array(
          Schema.Struct({
            spans: Schema.Array(
              Schema.Struct({
                traceId: Schema.String,
                spanId: Schema.String,
                parentSpanId: Schema.optionalKey(Schema.String),
                traceState: Schema.optionalKey(Schema.String),
                name: Schema.String,
                kind: Schema.Int,
                startTimeUnixNano: Schema.String,
                endTimeUnixNano: Schema.String,
                attributes: Attributes,
                events: Schema.Array(Schema.Struct({ name: Schema.String, attributes: Attributes })),
                status: Schema.Struct({ code: Schema.Int, message: Schema.optionalKey(Schema.String) })
              })
            )
          })
        )
      })
    )
  })
)

const plain = (attributes: typeof Attributes.Type): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.arrayValue === undefined ? Object.values(value)[0] : JSON.stringify(value.arrayValue.values)
    ])
  )

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string | undefined
  readonly name: string
  readonly startedAtNanos: bigint
  readonly endedAtNanos: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly resource: Readonly<Record<string, unknown>>
  readonly isError: boolean
  readonly statusMessage: string | undefined
}

export interface Post {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const spansOf = Effect.fnUntraced(function* ({ body, headers }: Post) {
  if (headers["content-type"] !== "application/json") return []
  const { resourceSpans } = yield* Schema.decodeUnknownEffect(Posted)(body.toString())
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span): ReceivedSpan => ({
        ...span,
        parentSpanId: span.parentSpanId ?? "",
        traceState: span.traceState,
        startedAtNanos: BigInt(span.startTimeUnixNano),
        endedAtNanos: BigInt(span.endTimeUnixNano),
        attributes: plain(span.attributes),
        resource: plain(resource.attributes),
        isError: span.status.code === 2,
        statusMessage: span.status.message
      }))
    )
  )
}, Effect.orDie)

export class OtlpReceiver extends Context.Service<
  OtlpReceiver,
  {
    readonly url: string
    readonly posts: ReadonlyArray<Post>
    readonly be: (mood: Mood) => Effect.Effect<void>
    /** What was posted to paths that begin so. */
    readonly spans: (path: string) => Effect.Effect<ReadonlyArray<ReceivedSpan>>
    /** The trace whose first span here has the request id, once that has come, and another of that name if one is given. */
    readonly trace: (path: string, requestId: string, other?: string) => Effect.Effect<ReadonlyArray<ReceivedSpan>>
  }
>()("@parley/server/test/OtlpReceiver") {
  static readonly make = Effect.gen(function* () {
    const posts: Array<Post> = []
    let mood: Mood = "well"
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        posts.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) })
        if (mood === "hang") return
        response.writeHead(mood === "failing" ? 500 : 200, { "content-type": "application/json" }).end("{}")
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    const { port } = Schema.decodeUnknownSync(Schema.Struct({ port: Schema.Int }))(
      server.address() satisfies AddressInfo | string | null
    )
    const spans = (path: string) =>
      Effect.map(
        Effect.forEach(
          posts.filter((post) => post.path.startsWith(path)),
          spansOf
        ),
        (all) => all.flat()
      )
    const find = (path: string, requestId: string, other: string | undefined) =>
      Effect.map(spans(path), (all) => {
        const first = all.find(({ attributes }) => attributes["request.id"] === requestId)
        const trace = all.filter(({ traceId }) => traceId === first?.traceId)
        return other === undefined || trace.some(({ name }) => name === other) ? trace : []
      })
    return OtlpReceiver.of({
      url: `http://127.0.0.1:${port}`,
      posts,
      be: (next) => Effect.sync(() => void (mood = next)),
      spans: (path) => Effect.suspend(() => spans(path)),
      trace: (path, requestId, other) =>
        Effect.suspend(() => find(path, requestId, other)).pipe(
          Effect.repeat({ until: (trace) => trace.length > 0, schedule: Schedule.spaced(50) })
        )
    })
  })

  static readonly layer = Layer.effect(OtlpReceiver, OtlpReceiver.make)
}
