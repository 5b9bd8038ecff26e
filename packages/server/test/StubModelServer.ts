/**
 * The wire of the stub. It is `node:http` and plain timers, not Effect's server and clock, for three reasons: sockets
 * can be cut, an outside service must not stand still under a `TestClock`, and a benchmark should measure Parley, not
 * its stub.
 */
import { Effect, Result } from "effect"
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http"
import { countPromptTokens, decodeRequest, wantsUsage } from "../src/Agent/Offline/ChatCompletionRequest.ts"
import type { ChatCompletionRequest } from "../src/Agent/Offline/ChatCompletionRequest.ts"
import {
  completionBody,
  countCompletionTokens,
  errorBody,
  modelsBody,
  streamEvents,
  streamHeaders
} from "../src/Agent/Offline/ChatCompletionResponse.ts"
import type { Reply, Stop } from "./StubModelReply.ts"

export interface Arrival {
  readonly request: ChatCompletionRequest
  readonly headers: IncomingHttpHeaders
  /** The bytes of the request as text, for what decoding drops. */
  readonly body: string
  /** On the clock of `performance.now()`. */
  readonly atMillis: number
}

export interface Ending {
  /** `client`: it went away before the answer was complete. `stub`: the answer was complete, or cut by the script. */
  readonly by: "client" | "stub"
  readonly atMillis: number
  /** Pieces of text or of tool calls that were written, of a streamed answer. */
  readonly chunksSent: number
}

export interface Stats {
  readonly calls: number
  /** Calls that have arrived and not ended. */
  readonly open: number
  readonly maxOpen: number
  /** Time spent in calls that have ended, summed: over `calls`, the model's own share of an answer time. */
  readonly busyMillis: number
}

/** Says what to answer; `ended` is called once, when the answer is out or nobody waits for it any more. */
export type OnCall = (arrival: Arrival) => { readonly reply: Reply; readonly ended?: (ending: Ending) => void }

/** Listens until the scope closes. A body that OpenAI would refuse is refused like there, and is no call. */
export const listen = Effect.fnUntraced(function* (onCall: OnCall, port = 0) {
  let stats: Stats = { calls: 0, open: 0, maxOpen: 0, busyMillis: 0 }
  let closing = false

  const complete = (body: string, incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const decoded = decodeRequest(body)
    if (Result.isFailure(decoded)) return json(outgoing, 400, errorBody(decoded.failure))
    const arrival = { request: decoded.success, headers: incoming.headers, body, atMillis: performance.now() }
    const open = stats.open + 1
    stats = { ...stats, calls: stats.calls + 1, open, maxOpen: Math.max(stats.maxOpen, open) }
    const { ended, reply } = onCall(arrival)
    const playing = play(reply, arrival.request, outgoing)
    outgoing.once("close", () => {
      playing.cancel()
      const atMillis = performance.now()
      stats = { ...stats, open: stats.open - 1, busyMillis: stats.busyMillis + atMillis - arrival.atMillis }
      const byStub = outgoing.writableFinished || playing.cut() || closing
      ended?.({ by: byStub ? "stub" : "client", atMillis, chunksSent: playing.chunksSent() })
    })
  }

  // A connection closed for idling just as it is used again would look like a fault of the model.
  const server = createServer({ keepAliveTimeout: 600_000 }, (incoming, outgoing) => {
    const route = `${incoming.method} ${incoming.url}`
    if (route === "POST /v1/chat/completions") {
      const pieces: Array<Buffer> = []
      incoming.on("data", (piece: Buffer) => pieces.push(piece))
      incoming.on("end", () => complete(Buffer.concat(pieces).toString(), incoming, outgoing))
    } else if (route === "GET /v1/models") json(outgoing, 200, modelsBody(["stub"]))
    else if (route === "GET /stats") json(outgoing, 200, stats)
    else json(outgoing, 404, errorBody({ message: `No such URL: ${route}` }))
  })

  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.once("error", (error) => resume(Effect.die(error)))
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        closing = true
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  return {
    baseUrl: `http://127.0.0.1:${bound}/v1`,
    stats: Effect.sync(() => stats),
    /** Forgets the past: the calls now open stay, and count. */
    resetStats: Effect.sync(() => {
      stats = { calls: 0, open: stats.open, maxOpen: stats.open, busyMillis: 0 }
    })
  }
})

const json = (outgoing: ServerResponse, status: number, body: object): void => {
  outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
}

/** Writes a reply as scripted, until it ends or is cancelled. */
const play = (reply: Reply, request: ChatCompletionRequest, outgoing: ServerResponse) => {
  let cancel = (): void => undefined
  let cut = false
  let chunksSent = 0

  const after = (millis: number, next: () => void) => {
    if (millis <= 0) return next()
    const timer = setTimeout(next, millis)
    cancel = () => clearTimeout(timer)
  }
  const obey = (stop: Stop | undefined, next: () => void) => {
    if (stop === undefined) return next()
    if (stop === "hang") return
    if (stop !== "cut") {
      const interrupt = Effect.runCallback(stop, { onExit: (exit) => exit._tag === "Success" && next() })
      cancel = () => interrupt()
      return
    }
    cut = true
    // What was written before is on its way first.
    outgoing.socket?.destroySoon()
  }

  const answer = () => {
    const { content } = reply
    if (content._tag === "Refusal") return outgoing.writeHead(content.status, content.headers).end(content.body)
    const usage = {
      promptTokens: content.usage.promptTokens ?? countPromptTokens(request),
      completionTokens: content.usage.completionTokens ?? countCompletionTokens(content.answer),
      cachedTokens: content.usage.cachedTokens ?? 0
    }
    const createdSeconds = Math.floor((performance.timeOrigin + performance.now()) / 1000)
    const id = reply.completionId ?? `chatcmpl-${randomUUID()}`
    const envelope = { id, model: request.model, createdSeconds }
    if (request.stream !== true) {
      outgoing.writeHead(200, { "content-type": "application/json" }).flushHeaders()
      const body = JSON.stringify(completionBody(content.answer, envelope, usage))
      const generating = reply.firstChunkMillis + reply.betweenMillis * Math.max(0, content.parts.deltas.length - 1)
      return after(generating, () => obey(reply.afterChunks?.stop, () => outgoing.end(body)))
    }
    const events = streamEvents(content.parts, envelope, wantsUsage(request) ? usage : undefined)
    outgoing.writeHead(200, streamHeaders)
    outgoing.write(events.opening)
    let ahead = reply.afterChunks
    const sendFrom = (first: number): void => {
      for (let index = first; ; index++) {
        if (index === ahead?.count) {
          const { stop } = ahead
          ahead = undefined
          return obey(stop, () => sendFrom(index))
        }
        const event = events.deltas[index]
        if (event === undefined) return void outgoing.end(events.closing)
        const drained = outgoing.write(event)
        chunksSent++
        const pause = index + 1 < events.deltas.length ? reply.betweenMillis : 0
        const next = () => after(pause, () => sendFrom(index + 1))
        // A reader that has stopped reading stops the model.
        if (!drained) return void outgoing.once("drain", next)
        if (pause > 0) return next()
      }
    }
    after(reply.firstChunkMillis, () => sendFrom(0))
  }

  after(reply.headersMillis, () => obey(reply.beforeHeaders, answer))
  return { cancel: () => cancel(), cut: () => cut, chunksSent: () => chunksSent }
}
