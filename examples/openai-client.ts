/**
 * Parley as a server of OpenAI's API, by the client that OpenAI makes. The key is an access token of Parley.
 *   PARLEY_URL=http://localhost:8000 node examples/openai-client.ts
 */
import { randomUUID } from "node:crypto"
import OpenAI, { APIError } from "openai"

const url = process.env["PARLEY_URL"] ?? "http://localhost:8000"
const registered = await fetch(`${url}/api/v1/auth/register`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ email: `openai-${randomUUID()}@example.com`, password: "Correct-horse-7" })
})
const { access_token } = await registered.json()

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: access_token })

const { data: models } = await openai.models.list()
const model = models[0]?.id ?? "gpt-4o-mini"
console.log(`models: ${models.map(({ id }) => id).join(", ")}`)

// Nothing is remembered here: the whole conversation comes with each request.
const messages: Array<OpenAI.ChatCompletionMessageParam> = [{ role: "user", content: "Hello" }]
const { choices } = await openai.chat.completions.create({ model, messages })
console.log(`answer: ${choices[0]?.message.content}`)

messages.push({ role: "assistant", content: choices[0]?.message.content ?? "" }, { role: "user", content: "Again" })
const stream = await openai.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true }
})
for await (const { choices, usage } of stream) {
  if (choices[0]?.delta.content) console.log(`token: ${choices[0].delta.content}`)
  if (usage) console.log(`usage: ${usage.total_tokens} tokens`)
}

try {
  await openai.chat.completions.create({ model, messages, n: 2 })
} catch (error) {
  if (!(error instanceof APIError)) throw error
  console.log(`refused: ${error.message}`)
}
