/** A model in memory, without a wire, and what it may say: chunks as the client library hands them over. */
import { AIMessageChunk, type AIMessageChunkFields, ChatMessageChunk, HumanMessage } from "@langchain/core/messages"
import { ChatGenerationChunk } from "@langchain/core/outputs"
import { Deferred, Duration, Effect, Layer, Queue } from "effect"
import type { ModelUsage } from "../src/Agent/Agent.ts"
import * as ModelCall from "../src/Agent/ModelCall.ts"
import { Metrics } from "../src/Telemetry/Metrics.ts"

export const chunk = (fields: AIMessageChunkFields, generationInfo: Record<string, unknown> = {}) => {
  const message = new AIMessageChunk(fields)
  return new ChatGenerationChunk({ message, text: message.text, generationInfo })
}
export const text = (content: string) => chunk({ content })
export const part = (args: string) =>
  chunk({ content: "", tool_call_chunks: [{ name: "f", args, id: "call_1", index: 0, type: "tool_call_chunk" }] })
export const end = (finish_reason = "stop", model_name = "gpt-4o-mini-2024-07-18", content = "") =>
  chunk({ content }, { finish_reason, model_name })
export const ending = (content: string, finish_reason: string) => chunk({ content }, { finish_reason })
export const other = (content: string, finish_reason?: string) => chunk({ content }, { completion: 1, finish_reason })
export const generic = (content: string) =>
  new ChatGenerationChunk({ message: new ChatMessageChunk({ content, role: "" }), text: content })
export const count = (input_tokens: number, output_tokens: number) => {
  const usage_metadata = { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens }
  const message = Object.assign(new AIMessageChunk(""), { usage_metadata })
  return new ChatGenerationChunk({ message, text: "" })
}
export const counted = count(7, 8)
export const absurd = count(2 ** 31, 8)
export const miscounted = count(Number.NaN, 0.5)

/** A model in memory: says what is offered to it, and tells when it is asked for more. */
export const scripted = Effect.gen(function* () {
  const chunks = yield* Queue.unbounded<ChatGenerationChunk | "end" | Error>()
  const metrics = yield* Effect.provide(Metrics, Layer.fresh(Metrics.layer))
  let asked = 0
  let awaited = { goal: Infinity, reached: Deferred.makeUnsafe<void>() }
  let aborted = false
  const chat: ModelCall.Chat = {
    model: "gpt-4o-mini",
    parameters: {},
    ownEnds: [],
    stream: (_, signal) => {
      signal.addEventListener("abort", () => (aborted = true))
      const next = async (): Promise<IteratorResult<ChatGenerationChunk>> => {
        if (++asked >= awaited.goal) Deferred.doneUnsafe(awaited.reached, Effect.void)
        const chunk = await Effect.runPromise(Queue.take(chunks))
        if (chunk instanceof Error) throw chunk
        return chunk === "end" ? { done: true, value: undefined } : { done: false, value: chunk }
      }
      return { [Symbol.asyncIterator]: () => ({ next }) }
    }
  }
  const usage: Array<ModelUsage> = []
  const heard: Array<string> = []
  return {
    usage,
    heard,
    /** Waits until all of it has been taken in. */
    say: Effect.fnUntraced(function* (...more: ReadonlyArray<ChatGenerationChunk | "end" | Error>) {
      awaited = { goal: asked + more.length, reached: Deferred.makeUnsafe() }
      yield* Queue.offerAll(chunks, more)
      yield* Deferred.await(awaited.reached)
    }),
    isAborted: () => aborted,
    run: (onText: ModelCall.Listener["onText"] = (piece) => Effect.sync(() => void heard.push(piece))) =>
      ModelCall.run(
        chat,
        [new HumanMessage("How are you?")],
        Duration.seconds(30),
        { onText, onUsage: (used) => Effect.sync(() => void usage.push(used)) },
        metrics
      )
  }
})
