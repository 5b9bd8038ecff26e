/** How much of the conversation the model is shown: what fits its context, never a part of an exchange. */
import type { BaseMessage } from "@langchain/core/messages"
import { Predicate } from "effect"

/** About four characters make a token in English; each message has a few tokens of frame. An estimate, on the safe side. */
export const tokensOf = (message: BaseMessage): number => {
  const content = Predicate.isString(message.content) ? message.content : JSON.stringify(message.content)
  const calls = Predicate.hasProperty(message, "tool_calls") ? JSON.stringify(message.tool_calls ?? []).length : 0
  return Math.ceil((content.length + calls) / 3) + 8
}

/**
 * The newest messages that fit `limitTokens` and are at most `limitMessages`. Begins with what a person said, so that a tool's call and its answer stay
 * together; the newest exchange is always whole.
 */
export const fit = (
  messages: ReadonlyArray<BaseMessage>,
  limitTokens: number,
  limitMessages = Infinity
): ReadonlyArray<BaseMessage> => {
  let tokens = 0
  let from = messages.length
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]
    if (message === undefined) break
    tokens += tokensOf(message)
    const isTooMuch = tokens > limitTokens || messages.length - index > limitMessages
    if (isTooMuch && from < messages.length) break
    if (message.type === "human") from = index
  }
  return messages.slice(from)
}
