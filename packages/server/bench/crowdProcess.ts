/**
 * Many readers of streams, in a process of their own that does as little as it can: it takes an order (see Crowd.ts) by
 * `POST /`, opens a connection for each request, sends it, and tells of each stream when its first token came.
 *
 *   node packages/server/bench/crowdProcess.ts
 */
import { Schema } from "effect"
import { Agent, createServer, request } from "node:http"
import { text } from "node:stream/consumers"
import { setTimeout } from "node:timers/promises"
import { type Heard, Order } from "./Crowd.ts"

interface Listener {
  readonly begun: (millis: number) => void
  /** With the end of what came; once, begun or not. */
  readonly ended: (tail: string, how: string) => void
}

/** One connection, used twice. */
const reader = (order: Order, { body, headers }: Order["requests"][number], { begun, ended }: Listener) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const knock = () =>
    new Promise<void>((resolve, reject) => {
      request(order.knock, { agent }, (response) => response.resume().once("end", resolve))
        .once("error", reject)
        .end()
    })

  const read = () =>
    new Promise<void>((resolve) => {
      const sentAt = performance.now()
      let hasBegun = false
      let tail = ""
      const over = (how: string) => {
        agent.destroy()
        ended(tail, how)
        resolve()
      }
      const options = { agent, method: "POST", headers: { ...headers, "content-type": "application/json" } }
      request(order.url, options, (response) => {
        response.setEncoding("latin1")
        response.on("data", (piece: string) => {
          tail = (tail + piece).slice(-1000)
          if (hasBegun || !tail.includes(order.token)) return
          hasBegun = true
          begun(performance.now() - sentAt)
        })
        response.once("close", () => over(`ended with ${response.statusCode}`))
      })
        .once("error", (error) => over(String(error)))
        .end(body)
    })

  return { knock, read }
}

const hear = async (order: Order): Promise<Heard> => {
  const firstTokenMillis: Array<number> = []
  const problems: Array<string> = []
  let ended = 0
  let mostAtOnce = 0
  const listener: Listener = {
    begun: (millis) => {
      firstTokenMillis.push(millis)
      mostAtOnce = Math.max(mostAtOnce, firstTokenMillis.length - ended)
    },
    ended: (tail, how) => {
      ended++
      if (!tail.includes(order.end)) problems.push(`${how}: ${tail}`)
    }
  }
  const readers = order.requests.map((request) => reader(order, request, listener))
  const knocked = readers.map(({ knock }, index) => setTimeout(index * order.apartMillis).then(knock))
  const all = Promise.all(knocked)
  const streams = readers.map(async ({ read }, index) => {
    await (order.together ? all : knocked[index])
    await read()
  })
  await Promise.all(streams)
  return { firstTokenMillis, problems, mostAtOnce }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Order))

const server = createServer((incoming, outgoing) => {
  text(incoming)
    .then((order) => hear(decode(order)))
    .then(
      (heard) => outgoing.end(JSON.stringify(heard)),
      (error: unknown) => outgoing.writeHead(500).end(String(error))
    )
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
