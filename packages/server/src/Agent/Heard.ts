/** What has come of an answer so far: put together here, because most chunks are nothing but text. */
import { AIMessage, AIMessageChunk, type ToolCallChunk } from "@langchain/core/messages"
import type { ChatGenerationChunk } from "@langchain/core/outputs"
import { Predicate } from "effect"
import { storable } from "./characters.ts"
import * as ToolCalls from "./ToolCalls.ts"

export interface Heard {
  isBegun: boolean
  text: string
  /** Calls of tools, in the pieces in which they come. */
  calls: AIMessageChunk | undefined
  finishReason: string | undefined
  /** The provider tells which model really answered, often with its date. */
  modelName: string | undefined
  counted: unknown
  readonly withId: (piece: ToolCallChunk) => ToolCallChunk
  /** When something last came; never while it is being passed on, for then it is not the model that is silent. */
  at: number
  /** When the first chunk came. */
  firstAt: number | undefined
}

const named = (value: unknown): string | undefined => (Predicate.isString(value) && value !== "" ? value : undefined)

export const nothingYet = (seed: number): Heard => ({
  isBegun: false,
  text: "",
  calls: undefined,
  finishReason: undefined,
  modelName: undefined,
  counted: undefined,
  withId: namingCalls(seed),
  at: 0,
  firstAt: undefined
})

/** Gives the text of a chunk. Of several choices, which nobody asked for, the first is heard. */
export const hear = (heard: Heard, { generationInfo, message, text }: ChatGenerationChunk): string => {
  if (generationInfo?.["completion"]) return ""
  heard.isBegun = true
  heard.text += text
  heard.finishReason = named(generationInfo?.["finish_reason"]) ?? heard.finishReason
  heard.modelName = named(generationInfo?.["model_name"]) ?? heard.modelName
  if (!AIMessageChunk.isInstance(message)) return text
  heard.counted = message.usage_metadata ?? heard.counted
  const { tool_call_chunks = [] } = message
  if (tool_call_chunks.length > 0) {
    const calls = new AIMessageChunk({ content: "", tool_call_chunks: tool_call_chunks.map(heard.withId) })
    heard.calls = heard.calls === undefined ? calls : heard.calls.concat(calls)
  }
  return text
}

/** Some servers name no calls, but answers to them must name what they answer. */
const namingCalls = (seed: number) => {
  let count = 0
  return (piece: ToolCallChunk): ToolCallChunk =>
    named(piece.name) === undefined || named(piece.id) !== undefined
      ? piece
      : { ...piece, id: `call_${seed.toString(36)}_${count++}` }
}

/**
 * What the model needs to see again, and nothing of the provider's bookkeeping, which would be stored with it. Nor its
 * id: LangGraph gives one of its own, and a message whose id is known replaces the one that has it, while some providers
 * use theirs again.
 */
export const answerOf = ({ calls, text }: Heard): AIMessage =>
  new AIMessage({
    content: storable(text),
    tool_calls: calls === undefined ? [] : [...(calls.tool_calls ?? []), ...ToolCalls.malformed(calls)]
  })
