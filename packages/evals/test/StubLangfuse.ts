/** A Langfuse for tests, of version 4 or 3 as its API tells traces; it logs what it was asked, and keeps scores by id. */
import { Effect } from "effect"
import { createServer } from "node:http"

export interface StubTrace {
  readonly id: string
  readonly timestamp: string
  readonly input: string
  readonly output: string | null
  readonly sessionId: string
}

const observation = ({ id, input, output, sessionId, timestamp }: StubTrace) => ({
  id: `root-${id}`,
  traceId: id,
  startTime: timestamp,
  endTime: timestamp,
  projectId: "project",
  parentObservationId: null,
  isRootObservation: true,
  type: "SPAN",
  name: "chat",
  sessionId,
  input,
  output,
  latency: 1.5,
  totalCost: 0,
  modelId: null,
  inputPrice: null,
  outputPrice: null,
  totalPrice: null
})

export const listen = (version: 3 | 4, traces: ReadonlyArray<StubTrace>) =>
  Effect.gen(function* () {
    const scores = new Map<string, { readonly id: string; readonly traceId: string; readonly name: string }>()
    const paths: Array<string> = []
    let writes = 0

    const within = (from: string | null, to: string | null) =>
      traces.filter(({ timestamp }) => timestamp >= (from ?? "") && timestamp < (to ?? "9"))

    const answer = (path: string, query: URLSearchParams): object | undefined => {
      const limit = Number(query.get("limit") ?? 50)
      if (path === "/api/public/v2/observations" && version === 4) {
        const all = within(query.get("fromStartTime"), query.get("toStartTime")).toReversed()
        const start = Number(query.get("cursor") ?? 0)
        const more = start + limit < all.length ? { cursor: String(start + limit) } : {}
        return { data: all.slice(start, start + limit).map(observation), meta: more }
      }
      if (path === "/api/public/v3/scores" && version === 4) {
        const [ids, names] = [query.get("traceId")?.split(","), query.get("name")?.split(",")]
        const all = [...scores.values()].filter(({ name, traceId }) => ids?.includes(traceId) && names?.includes(name))
        const start = Number(query.get("cursor") ?? 0)
        const more = start + limit < all.length ? { cursor: String(start + limit) } : {}
        return { data: all.slice(start, start + limit), meta: { limit, ...more } }
      }
      if (path === "/api/public/traces" && version === 3) {
        const page = Number(query.get("page") ?? 1)
        const all = within(query.get("fromTimestamp"), query.get("toTimestamp"))
        const data = all.slice((page - 1) * limit, page * limit).map((trace) => ({
          ...trace,
          latency: 1.5,
          totalCost: 0.001,
          htmlPath: "",
          observations: [],
          scores: [...scores.values()].filter(({ traceId }) => traceId === trace.id).map(({ id }) => id)
        }))
        return { data, meta: { page, limit, totalItems: all.length, totalPages: Math.ceil(all.length / limit) } }
      }
      return undefined
    }

    const server = createServer((incoming, outgoing) => {
      const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://localhost")
      paths.push(`${incoming.method} ${pathname}`)
      let body = ""
      incoming.on("data", (piece: Buffer) => (body += piece.toString()))
      incoming.on("end", () => {
        const json = (status: number, value: object) =>
          outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
        const credentials = Buffer.from("pk-lf-stub:sk-lf-stub").toString("base64")
        if (incoming.headers.authorization !== `Basic ${credentials}`)
          return json(401, { message: "Invalid credentials" })
        if (incoming.method === "POST" && pathname === "/api/public/scores") {
          const score = JSON.parse(body)
          writes++
          scores.set(score.id, score)
          return json(200, { id: score.id })
        }
        const found = incoming.method === "GET" ? answer(pathname, searchParams) : undefined
        return found === undefined ? json(404, { message: "Not found" }) : json(200, found)
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
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { baseUrl: `http://127.0.0.1:${port}`, scores, paths, writes: () => writes }
  })
