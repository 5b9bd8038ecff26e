/** How much of the conversation the model is shown: what fits its context, never a part of an exchange. */
import type { BaseMessage } from "@langchain/core/messages"
import { Predicate } from "effect"

/** Characters of which each is a token or more: those of East Asia, and pictures. */
const dense = /[\u2e80-\u{10ffff}]/gu

/** About four characters make a token in English; each message has a few tokens of frame. An estimate, on the safe side. */
export const tokensOfText = (text: string): number =>
  (text.match(dense)?.length ?? 0) + Math.ceil(text.replaceAll(dense, "").length / 3) + 8

export const tokensOf = (message: BaseMessage): number => {
  const content = Predicate.isString(message.content) ? message.content : JSON.stringify(message.content)
  const calls = Predicate.hasProperty(message, "tool_calls") ? JSON.stringify(message.tool_calls ?? []) : ""
  return tokensOfText(content + calls)
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
