/** `ChatOpenAI` as Parley configures it, as effects, for tests of what listens at the other end. */
import { ChatOpenAI } from "@langchain/openai"
import { Cause, Effect, Exit, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

export const chatModel = (baseURL: string, maxTokens = 2000) =>
  new ChatOpenAI({
    model: "gpt-4o-mini",
    apiKey: "sk-test",
    configuration: { baseURL },
    maxRetries: 0,
    maxTokens,
    streamUsage: true,
    useResponsesApi: false
  })

type Prompt = Parameters<ChatOpenAI["invoke"]>[0]

/** Fails with what `ChatOpenAI` threw as its `cause`; interruption aborts it. */
export const invoke = (model: Pick<ChatOpenAI, "invoke">, prompt: Prompt = "hi") =>
  Effect.tryPromise((signal) => model.invoke(prompt, { signal }))

export const stream = (model: Pick<ChatOpenAI, "stream">, prompt: Prompt = "hi") =>
  Stream.unwrap(
    Effect.tryPromise((signal) => model.stream(prompt, { signal })).pipe(
      Effect.map((chunks) => Stream.fromAsyncIterable(chunks, (cause) => new Cause.UnknownError(cause)))
    )
  )

/** The texts that arrive, and whether the stream breaks off. */
export const listenTo = Effect.fnUntraced(function* (baseUrl: string) {
  const texts: Array<string> = []
  const exit = yield* stream(chatModel(baseUrl)).pipe(
    Stream.runForEach((chunk) => Effect.sync(() => chunk.text !== "" && texts.push(chunk.text))),
    Effect.exit
  )
  return { texts, brokenOff: Exit.isFailure(exit) }
})

/** A request as no client would write it. */
export const post = (baseUrl: string, body: string) =>
  HttpClient.execute(
    HttpClientRequest.post(`${baseUrl}/chat/completions`).pipe(HttpClientRequest.bodyText(body, "application/json"))
  )
