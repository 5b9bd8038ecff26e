/** A person with a client that was made for OpenAI, pointed at Parley. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import OpenAI, { APIError } from "openai"
import { TestServer } from "./TestServer.ts"

export type Asked = OpenAI.ChatCompletionCreateParamsNonStreaming

export const clientOf = (url: string, apiKey: string) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 })

/** A new account, by the client of OpenAI. */
export const newcomer = Effect.gen(function* () {
  const server = yield* TestServer
  const token = yield* server.register
  return { token, client: clientOf(server.url, token) }
})
export type Person = Effect.Success<typeof newcomer>

export const hello: Asked = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] }

/** Interrupting it aborts the request. */
export const complete = ({ client }: Person, asked: Asked = hello) =>
  Effect.promise((signal) => client.chat.completions.create(asked, { signal }))

/** What this month has cost. */
export const usage = ({ token }: Person) =>
  Effect.flatMap(TestServer, (server) => server.ask("GET", "/v1/users/me/usage", { token })).pipe(
    Effect.map(({ json }) => json)
  )

export const failed = (promise: () => Promise<unknown>) =>
  Effect.promise(() =>
    promise().then(
      () => assert.fail("it did not fail"),
      (error: unknown) => (error instanceof APIError ? error : assert.fail(String(error)))
    )
  )

/** All of a stream. */
export const chunksOf = async (
  { client }: Person,
  asked: Omit<OpenAI.ChatCompletionCreateParamsStreaming, "stream">
) => {
  const chunks: Array<OpenAI.ChatCompletionChunk> = []
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) chunks.push(chunk)
  return chunks
}

export const settings = {
  LLM_FALLBACK_MODELS: "gpt-4o, o3-mini",
  LLM_MAX_ATTEMPTS: "1",
  LLM_MAX_TOKENS: "100",
  LLM_CONTEXT_TOKENS: "2000",
  AGENT_NAME: "Parley"
}
