/**
 * The client for Effect, from the contract alone: register, chat as a stream of typed events, read the transcript.
 *   PARLEY_URL=http://localhost:8000 node examples/effect-client.ts
 */
import * as Client from "@parley/domain/Client"
import { Email } from "@parley/domain/Users"
import { Config, Console, Effect, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { randomUUID } from "node:crypto"

const program = Effect.gen(function* () {
  const baseUrl = yield* Config.String("PARLEY_URL").pipe(Config.withDefault("http://localhost:8000"))
  // It keeps the tokens and exchanges them in time; `onTokens` would tell of each pair, to keep it for the next start.
  const { api, chat, login, logout, register } = yield* Client.make({ baseUrl })
  const credentials = {
    email: Email.make(`effect-${randomUUID()}@example.com`),
    password: Redacted.make("Correct-horse-7")
  }
  yield* register(credentials)

  // Errors have names, and the compiler knows which there are.
  const wrong = { ...credentials, password: Redacted.make("Wrong-horse-7") }
  yield* login(wrong).pipe(Effect.catchTag("InvalidCredentials", ({ detail }) => Console.log(detail)))

  const { session_id } = yield* api.sessions.create({ payload: { name: "From Effect" } })
  // Whoever stops reading cancels the turn.
  yield* Stream.runForEach(chat({ session_id, content: "Hello" }), (event) => {
    switch (event.event) {
      case "token":
        return Console.log(`token: ${event.data.content}`)
      case "tool":
        return Console.log(`tool: ${event.data.name} ${event.data.status}`)
      case "done":
        return Console.log(`done: ${event.data.usage.output_tokens} tokens`)
      case "error":
        return Console.log(`error: ${event.data.status} ${event.data.detail}`)
    }
  })

  const { items } = yield* api.sessions.messages({ params: { session_id }, query: {} })
  for (const { content, role } of items) yield* Console.log(`${role}: ${content}`)
  yield* logout
})

await Effect.runPromise(Effect.provide(program, FetchHttpClient.layer))
