/**
 * A chat on LangGraph as its documentation builds it, with the stock `PostgresSaver`: all that was said is its state.
 * `POST /<thread>` takes a turn. It shows the model as much as Parley does, not all: what is compared is the memory.
 * `PUT /<thread>?messages=100` puts a past in one checkpoint, as turns would take about an hour.
 *
 *   node packages/server/bench/postgresSaver.ts --database postgresql://... --model-url http://127.0.0.1:40123/v1
 */
import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { END, MessagesValue, START, StateGraph, StateSchema } from "@langchain/langgraph"
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres"
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"
import { parseArgs } from "node:util"
import { chatOpenAI } from "./chatOpenAI.ts"
import { newQuestion } from "./newQuestion.ts"

const { values } = parseArgs({
  options: { database: { type: "string", default: "" }, "model-url": { type: "string", default: "" } }
})

/** What Parley shows of a long conversation at the most. */
const shownMessages = 15

const chat = chatOpenAI(values["model-url"])
const checkpointer = PostgresSaver.fromConnString(values.database)
await checkpointer.setup()

const graph = new StateGraph(new StateSchema({ messages: MessagesValue }))
  .addNode("agent", async ({ messages }) => ({ messages: [await chat.invoke(messages.slice(-shownMessages))] }))
  .addEdge(START, "agent")
  .addEdge("agent", END)
  .compile({ checkpointer })

const answer = async (thread_id: string, content: string): Promise<string> => {
  const { messages } = await graph.invoke({ messages: [new HumanMessage(content)] }, { configurable: { thread_id } })
  return messages.at(-1)?.text ?? ""
}

const remember = async (thread_id: string, messages: number): Promise<string> => {
  const { content, response_metadata, usage_metadata } = await chat.invoke([new HumanMessage(newQuestion())])
  const fields = { content, response_metadata, ...(usage_metadata === undefined ? {} : { usage_metadata }) }
  const past = Array.from({ length: messages / 2 }, () => [
    new HumanMessage({ id: randomUUID(), content: newQuestion() }),
    new AIMessage({ id: `chatcmpl-${randomUUID()}`, ...fields })
  ])
  await graph.updateState({ configurable: { thread_id } }, { messages: past.flat() }, "agent")
  return ""
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(String(request.url), "http://localhost")
  const messages = Number(searchParams.get("messages"))
  const answered = text(request).then((content) =>
    request.method === "PUT" ? remember(pathname, messages) : answer(pathname, content)
  )
  answered.then(
    (content) => response.end(content),
    (error: unknown) => response.writeHead(500).end(String(error))
  )
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
