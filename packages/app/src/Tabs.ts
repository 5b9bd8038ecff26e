/** What the tabs of a browser tell each other, so that none shows what another has changed, and none has to ask. */
import type { Message, Session } from "./types.ts"

export type News =
  | { readonly kind: "session"; readonly session: Session }
  | { readonly kind: "deleted"; readonly session_id: string }
  | { readonly kind: "said"; readonly session_id: string; readonly messages: ReadonlyArray<Message> }

const channel = new BroadcastChannel("parley")

export const tell = (news: News): void => channel.postMessage(news)

export const listen = (heard: (news: News) => void): void =>
  channel.addEventListener("message", (event: MessageEvent<News>) => heard(event.data))
