/** A judge for tests: real HTTP on loopback, answers as told, counts what it was asked. Outside of any test clock. */
import { Effect } from "effect"
import { createServer, type ServerResponse } from "node:http"

export interface Asked {
  readonly system: string
  readonly prompt: string
  /** Of the metric; of a question to the agent there is none. */
  readonly metric: string | undefined
  /** Text of the question, where the agent asks. */
  readonly stream: boolean
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** What the model says. */
  readonly content?: string
  readonly delayMillis?: number
  /** Says nothing before then. */
  readonly after?: Promise<unknown>
}

export type Handler = (asked: Asked, index: number) => Reply

export const judged = (score: number, reasoning = "Because."): Reply => ({
  content: JSON.stringify({ reasoning, score })
})

const textOf = (messages: ReadonlyArray<{ readonly role: string; readonly content: string }>, role: string) =>
  messages.findLast((message) => message.role === role)?.content ?? ""

const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 }

const completion = (content: string) => ({
  id: "stub",
  object: "chat.completion",
  created: 0,
  model: "stub",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  usage
})

const events = (content: string): string => {
  const chunk = (choices: ReadonlyArray<object>, more: object = {}) =>
    `data: ${JSON.stringify({ id: "stub", object: "chat.completion.chunk", created: 0, model: "stub", choices, ...more })}\n\n`
  return [
    chunk([{ index: 0, delta: { role: "assistant", content }, finish_reason: null }]),
    chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
    chunk([], { usage }),
    "data: [DONE]\n\n"
  ].join("")
}

const send = (outgoing: ServerResponse, asked: Asked, { content = "", headers = {}, status = 200 }: Reply) => {
  if (status !== 200) return void outgoing.writeHead(status, headers).end(JSON.stringify({ error: { message: "no" } }))
  if (asked.stream) return void outgoing.writeHead(200, { "content-type": "text/event-stream" }).end(events(content))
  outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(completion(content)))
}

/** Listens until the scope closes. */
export const listen = Effect.gen(function* () {
  const asked: Array<Asked> = []
  let handler: Handler = () => judged(0.9)
  let open = 0
  let maxOpen = 0
  const server = createServer((incoming, outgoing) => {
    let body = ""
    incoming.on("data", (piece: Buffer) => (body += piece.toString()))
    incoming.on("end", () => {
      const request = JSON.parse(body)
      const call: Asked = {
        system: textOf(request.messages, "system"),
        prompt: textOf(request.messages, "user"),
        metric: request.response_format?.json_schema?.name,
        stream: request.stream === true
      }
      const reply = handler(call, asked.length)
      asked.push(call)
      maxOpen = Math.max(maxOpen, ++open)
      outgoing.once("close", () => open--)
      const answer = () => setTimeout(() => send(outgoing, call, reply), reply.delayMillis ?? 0)
      void (reply.after ?? Promise.resolve()).then(answer)
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
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    asked,
    maxOpen: () => maxOpen,
    handle: (next: Handler) => {
      handler = next
      asked.length = 0
      maxOpen = 0
    }
  }
})

export type StubJudge = Effect.Success<typeof listen>
