/**
 * The world outside, on loopback: a model's provider, which answers as it is asked to, a webhook and a collector of traces
 * that take everything, and a Slack whose secret has changed. Plain `node:http`, as it has to stand apart from what is measured.
 */
import { Effect, Schema } from "effect"
import { createServer, type ServerResponse } from "node:http"
import { text as textOf } from "node:stream/consumers"
import { listening } from "./listening.ts"

const Request = Schema.Struct({
  model: Schema.String,
  stream: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.Unknown }))
})
const decode = Schema.decodeUnknownPromise(Schema.fromJsonString(Request))

/** The model that is asked first; the other is its fallback. */
export const models = ["gpt-4.1", "gpt-4.1-mini"] as const

/** What is said to the model decides what it does: these words, and how many tokens it counts. */
export const said = {
  /** An attempt fails or says nothing; the next is answered. */
  retried: "Again?",
  /** The first model is down; the fallback answers. */
  fallenBack: "Other one?",
  /** No model answers. */
  refused: "Never."
} as const

const usageOf = (content: string) => {
  const [, prompt = "3000", completion = "300"] = /(\d+) in, (\d+) out/u.exec(content) ?? []
  return {
    prompt_tokens: Number(prompt),
    completion_tokens: Number(completion),
    total_tokens: Number(prompt) + Number(completion)
  }
}

const wait = (millis: number) => new Promise<void>((resolve) => void setTimeout(resolve, millis))

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
}

/** Listens until the scope closes; gives its address. */
export const listen = Effect.gen(function* () {
  let calls = 0
  let again = 0

  const answer = async (body: string, response: ServerResponse) => {
    const { messages, model, stream } = await decode(body)
    const content = JSON.stringify(messages.findLast(({ role }) => role === "user")?.content ?? "")
    calls += 1
    const isFirst = model === models[0]
    if (content.includes(said.refused)) return json(response, 401, { error: { message: "No.", type: "auth" } })
    if (isFirst && content.includes(said.fallenBack))
      return json(response, 503, { error: { message: "Busy.", type: "server" } })
    const isAgain = isFirst && content.includes(said.retried) ? again++ : 1
    if (isAgain % 4 === 0) return json(response, 500, { error: { message: "Oops.", type: "server" } })
    // That is paid for, too.
    const isEmpty = isAgain % 4 === 2
    await wait(20 + ((calls * 37) % 120))
    const usage = usageOf(content)
    const envelope = { id: `chatcmpl-${calls}`, created: 1_796_000_000, model }
    if (stream !== true) {
      const message = { role: "assistant", content: isEmpty ? "" : "It is so." }
      return json(response, 200, {
        ...envelope,
        object: "chat.completion",
        usage,
        choices: [{ index: 0, finish_reason: "stop", message }]
      })
    }
    response.writeHead(200, { "content-type": "text/event-stream" })
    const send = (data: object) =>
      response.write(`data: ${JSON.stringify({ ...envelope, object: "chat.completion.chunk", ...data })}\n\n`)
    for (const word of isEmpty ? [] : ["It ", "is ", "so."]) {
      send({ choices: [{ index: 0, delta: { role: "assistant", content: word }, finish_reason: null }] })
      await wait(10 + ((calls * 13) % 40))
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })
    send({ choices: [], usage })
    response.end("data: [DONE]\n\n")
  }

  const server = createServer((request, response) => {
    void textOf(request).then(
      async (body) => {
        if (request.url === "/v1/chat/completions") return answer(body, response)
        if (request.url === "/slack") return json(response, 403, { error: "invalid_token" })
        return json(response, 200, {})
      },
      () => response.destroy()
    )
  })
  return { url: `http://127.0.0.1:${yield* listening(server)}` }
})
