/** What the server sends, as it comes: the contract's types and none of its code. */
import type { ChatEvent } from "@parley/domain/Chat"
import type { Tokens as DomainTokens } from "@parley/domain/Auth"
import type { FieldError as DomainFieldError } from "@parley/domain/Errors"
import type {
  Message as DomainMessage,
  MessagePage as DomainMessagePage,
  Session as DomainSession,
  SessionPage as DomainSessionPage
} from "@parley/domain/Sessions"
import type { MonthlyUsage as DomainMonthlyUsage } from "@parley/domain/Usage"

export type Tokens = typeof DomainTokens.Encoded
export type Session = typeof DomainSession.Encoded
export type SessionPage = typeof DomainSessionPage.Encoded
export type Message = typeof DomainMessage.Encoded
export type MessagePage = typeof DomainMessagePage.Encoded
export type MonthlyUsage = typeof DomainMonthlyUsage.Encoded
export type FieldError = typeof DomainFieldError.Encoded

/** An event of a streamed turn: its name, and beside it its data. */
type Flat<Event> = Event extends { readonly event: "done" }
  ? { readonly event: "done"; readonly message: Message; readonly usage: { readonly cost_eur: number } }
  : Event extends { readonly event: infer Name; readonly data: infer Data }
    ? { readonly event: Name } & Data
    : never
export type TurnEvent = Flat<typeof ChatEvent.Type>
