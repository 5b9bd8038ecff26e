/** A server that takes every connection and says nothing. */
import { Effect } from "effect"
import { createServer } from "node:net"
import { listening } from "./listening.ts"

/** Until the scope closes: its port, and how many connections it has seen. */
export const listen = Effect.gen(function* () {
  let seen = 0
  const port = yield* listening(createServer(() => void seen++))
  return { port, seen: () => seen }
})
