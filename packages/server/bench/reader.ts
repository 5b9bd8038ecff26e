/**
 * Reads streamed answers straight from a model, in a process whose CPU can be watched: `GET /?answers=64&at_once=32`
 * reads so many and tells how many tokens came.
 *
 *   node packages/server/bench/reader.ts --by ChatOpenAI --model-url http://127.0.0.1:40123/v1
 */
import { HumanMessage } from "@langchain/core/messages"
import { createServer } from "node:http"
import { parseArgs } from "node:util"
import { chatOpenAI } from "./chatOpenAI.ts"
import { question } from "./streamedTurn.ts"

const { values } = parseArgs({
  options: { by: { type: "string", default: "ChatOpenAI" }, "model-url": { type: "string", default: "" } }
})
const baseURL = values["model-url"]

const chat = chatOpenAI(baseURL)

const byChatOpenAI = async (): Promise<number> => {
  let tokens = 0
  for await (const chunk of await chat.stream([new HumanMessage(question)])) if (chunk.text !== "") tokens++
  return tokens
}

const body = JSON.stringify({
  model: "gpt-4o-mini",
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: "user", content: question }]
})

interface Chunk {
  readonly choices: ReadonlyArray<{ readonly delta: { readonly content?: string } }>
}

/** The least that can be done to have the tokens one by one. */
const byFetch = async (): Promise<number> => {
  const headers = { "content-type": "application/json" }
  const response = await fetch(`${baseURL}/chat/completions`, { method: "POST", headers, body })
  let tokens = 0
  let rest = ""
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue
      const { choices }: Chunk = JSON.parse(line.slice("data: ".length))
      if (choices[0]?.delta.content) tokens++
    }
  }
  return tokens
}

const read = values.by === "fetch" ? byFetch : byChatOpenAI

const readAll = async (answers: number, atOnce: number): Promise<number> => {
  let left = answers
  let tokens = 0
  const lane = async () => {
    while (left-- > 0) {
      const some = await read()
      tokens += some
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return tokens
}

const server = createServer((request, response) => {
  const query = new URL(request.url ?? "/", "http://localhost").searchParams
  const reading = readAll(Number(query.get("answers")), Number(query.get("at_once")))
  void reading.then((tokens) => response.end(String(tokens)))
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
