/** The chats that were opened since the page was loaded, and the one that is shown. */
import { computed, signal } from "@preact/signals"
import { Conversation } from "./Conversation.ts"
import * as Sessions from "./Sessions.ts"
import type { Message } from "./types.ts"
import { remember } from "./Unfinished.ts"

const conversations = new Map<string, Conversation>()

/** It is now one of the list, and the next one can begin. */
const begun = (conversation: Conversation, id: string): void => {
  conversations.set(id, conversation)
  if (blank.value !== conversation) return
  const isShown = Sessions.shown.value === undefined
  blank.value = new Conversation(undefined, begun)
  if (isShown) Sessions.show(id)
}

/** The one that begins with its first message. */
const blank = signal(new Conversation(undefined, begun))

const opened = (id: string): Conversation => {
  const known = conversations.get(id)
  if (known !== undefined) return known
  const conversation = new Conversation(id, begun)
  conversations.set(id, conversation)
  queueMicrotask(() => conversation.load())
  return conversation
}

export const shown = computed(() => (Sessions.shown.value === undefined ? blank.value : opened(Sessions.shown.value)))

export const heard = (session_id: string, messages: ReadonlyArray<Message>): void =>
  conversations.get(session_id)?.add(messages)

export const forget = (id: string): void => {
  conversations.get(id)?.close()
  conversations.delete(id)
}

export const forgetAll = (): void => {
  for (const conversation of [...conversations.values(), blank.value]) conversation.close()
  conversations.clear()
  blank.value = new Conversation(undefined, begun)
  remember(undefined)
}
