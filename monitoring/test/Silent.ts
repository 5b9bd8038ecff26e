/** A server that takes every connection and says nothing. */
import { Effect } from "effect"
import { createServer } from "node:net"

/** Until the scope closes: its port, and how many connections it has seen. */
export const listen = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly seen: () => number; readonly close: () => void }>((resume) => {
    const sockets = new Set<{ readonly destroy: () => unknown }>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const close = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
      resume(Effect.succeed({ port, seen: () => sockets.size, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)
