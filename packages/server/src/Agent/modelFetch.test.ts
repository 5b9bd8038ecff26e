import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer, type RequestListener } from "node:http"
import { modelFetch } from "./modelFetch.ts"

/** A provider's server, and on how many connections it was asked. */
const provider = Effect.fnUntraced(function* (answer: RequestListener) {
  let connections = 0
  const server = createServer((request, response) => {
    request.resume().once("end", () => answer(request, response))
  }).on("connection", () => connections++)
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  return { url: `http://127.0.0.1:${port}/v1/chat/completions`, connections: () => connections }
})

const ask = (url: string, init: RequestInit = {}) =>
  Effect.promise((signal) => modelFetch(url, { method: "POST", body: "{}", signal, ...init }))

/** The first piece of an answer, after which nobody reads on. */
const first = (response: Response) =>
  Effect.promise(async () => {
    for await (const piece of response.body ?? []) return new TextDecoder().decode(piece)
    return ""
  })

describe("a request to a model", () => {
  it.live("leaves its connection to the next, though nobody reads its end", () =>
    Effect.gen(function* () {
      const { connections, url } = yield* provider((_request, response) => {
        response.write("data: [DONE]\n\n", () => response.end())
      })
      for (let asked = 0; asked < 3; asked++) {
        assert.strictEqual(yield* first(yield* ask(url)), "data: [DONE]\n\n")
        yield* Effect.sleep("50 millis")
      }
      assert.strictEqual(connections(), 1)
    })
  )

  it.live("whose end does not come gives its connection up", () =>
    Effect.gen(function* () {
      let closed = (): void => undefined
      const { url } = yield* provider((_request, response) => {
        response.once("close", () => closed()).write("data: [DONE]\n\n")
      })
      const isClosed = Effect.callback<void>((resume) => {
        closed = () => resume(Effect.void)
      })
      yield* Effect.all([isClosed, Effect.flatMap(ask(url), first)], { concurrency: 2 })
    })
  )

  it.live("may be sent elsewhere", () =>
    Effect.gen(function* () {
      const { url } = yield* provider(({ url = "" }, response) => {
        if (url === "/elsewhere") response.end("here")
        else response.writeHead(307, { location: "/elsewhere" }).end("moved")
      })
      const response = yield* ask(url)
      assert.strictEqual(yield* Effect.promise(() => response.text()), "here")
    })
  )

  it.live("that is refused brings the reason and the headers of it", () =>
    Effect.gen(function* () {
      const { url } = yield* provider((_request, response) => {
        response.writeHead(429, { "retry-after": "7" }).end('{"error":{}}')
      })
      const response = yield* ask(url)
      assert.strictEqual(response.status, 429)
      assert.strictEqual(response.headers.get("retry-after"), "7")
      assert.strictEqual(yield* Effect.promise(() => response.text()), '{"error":{}}')
    })
  )

  it.live("does not ask for an answer that would have to be unpacked", () =>
    Effect.gen(function* () {
      const { url } = yield* provider(({ headers }, response) => {
        response.end(headers["accept-encoding"])
      })
      const response = yield* ask(url, { headers: { authorization: "Bearer key" } })
      assert.strictEqual(yield* first(response), "identity")
    })
  )
})
