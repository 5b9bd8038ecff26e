/** A search engine for tests: real HTTP on loopback that answers as a test says. `node:http`, to send what it likes. */
import { Deferred, Effect, Queue } from "effect"
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"

export interface Search {
  readonly request: IncomingMessage
  /** Where the query arrived. */
  readonly query: string | null
  readonly response: ServerResponse
  /** Waits until the connection is closed. */
  readonly closed: Effect.Effect<void>
}

/** Listens until the scope closes. */
export const make = (answer: (search: Search) => void) =>
  Effect.gen(function* () {
    const searches = yield* Queue.unbounded<Search>()
    let connections = 0
    const server = createServer((request, response) => {
      const closed = Deferred.makeUnsafe<void>()
      request.socket.once("close", () => Deferred.doneUnsafe(closed, Effect.void))
      const query = new URL(request.url ?? "", "http://stub").searchParams.get("q")
      const search = { request, response, query, closed: Deferred.await(closed) }
      Queue.offerUnsafe(searches, search)
      answer(search)
    })
    // Also those that never become a request, as when TLS is spoken.
    server.on("connection", () => connections++)
    const port = yield* Effect.acquireRelease(
      Effect.callback<number>((resume) => {
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(typeof address === "object" && address !== null ? Effect.succeed(address.port) : Effect.die(address))
        })
      }),
      () => Effect.sync(() => (server.closeAllConnections(), server.close()))
    )
    return {
      port,
      /** What `WEB_SEARCH_URL` should be. */
      url: `http://127.0.0.1:${port}/search?q={query}&format=json`,
      /** The next search that nobody has taken yet; waits for it to arrive. */
      next: Queue.take(searches),
      connections: Effect.sync(() => connections)
    }
  })

/** Answers with JSON. */
export const json =
  (body: unknown) =>
  ({ response }: Search): void =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
