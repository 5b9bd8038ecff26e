import { Effect } from "effect"
import type { Server, Socket } from "node:net"

/** The port of an address, where there is one. */
export const portOf = (address: ReturnType<Server["address"]>) =>
  typeof address === "object" && address !== null ? address.port : 0

/** On a free port of loopback until the scope closes, which cuts what is connected then. Gives the port. */
export const listening = Effect.fnUntraced(function* (server: Server) {
  const sockets = new Set<Socket>()
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("error", () => {}).on("close", () => sockets.delete(socket))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  return portOf(server.address())
})
