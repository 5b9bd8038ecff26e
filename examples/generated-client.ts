/**
 * A client whose types are generated from openapi.json (`make client`): register, log in, open a session, chat, list the
 * messages, and errors that are told apart by their types.
 *   PARLEY_URL=http://localhost:8000 node examples/generated-client.ts
 */
import { randomUUID } from "node:crypto"
import createClient from "openapi-fetch"
import type { ChatToken, paths } from "./generated/parley.ts"

const parley = createClient<paths>({ baseUrl: process.env["PARLEY_URL"] ?? "http://localhost:8000" })
const credentials = { email: `generated-${randomUUID()}@example.com`, password: "Correct-horse-7" }

// An error has one of the types that the document declares: only a validation error has `errors`.
const { error: refused } = await parley.POST("/api/v1/auth/register", { body: { ...credentials, password: "Abcdef-" } })
if (refused !== undefined && "errors" in refused) {
  for (const { field, message } of refused.errors) console.log(`422 ${field}: ${message}`)
}

const registered = await parley.POST("/api/v1/auth/register", { body: credentials })
if (registered.error) throw new Error(registered.error.detail)

const { error: wrong } = await parley.POST("/api/v1/auth/login", {
  body: { ...credentials, password: "Wrong-horse-7" }
})
if (wrong?.detail === "Invalid credentials") console.log(`401 ${wrong.detail}`)

const login = await parley.POST("/api/v1/auth/login", { body: credentials })
if (login.error) throw new Error(login.error.detail)
parley.use({
  onRequest: ({ request }) => request.headers.set("authorization", `Bearer ${login.data.access_token}`)
})

const session = await parley.POST("/api/v1/chat/sessions", { body: { name: "From a generated client" } })
if (session.error) throw new Error(session.error.detail)
const { session_id } = session.data

const answer = await parley.POST("/api/v1/chat", { body: { session_id, content: "Hello" } })
if (answer.error) throw new Error(answer.error.detail)
console.log(`${answer.data.message.role}: ${answer.data.message.content}`)

// A stream is read as text; the data of each event is JSON, of a type that its name tells.
const stream = await parley.POST("/api/v1/chat/stream", { body: { session_id, content: "Again" }, parseAs: "text" })
for (const frame of String(stream.data).split("\n\n")) {
  const { data, event } = Object.fromEntries(frame.split("\n").map((line) => line.split(/: (.*)/su)))
  if (event !== "token" || data === undefined) continue
  const token: ChatToken = JSON.parse(data)
  console.log(`token: ${token.content}`)
}

const path = { session_id }
const messages = await parley.GET("/api/v1/chat/sessions/{session_id}/messages", { params: { path } })
for (const { content, role } of messages.data?.items ?? []) console.log(`${role}: ${content}`)
