/** A turn as a trace: whose it is, on each of its spans, and what was said, for Langfuse. */
import type { SessionId } from "@parley/domain/Sessions"
import type { UserId } from "@parley/domain/Users"
import { Effect } from "effect"
import { annotate, Listener, observe } from "./Observations.ts"
import type { TurnMode } from "./Catalogue.ts"
import { RequestFacts } from "./RequestFacts.ts"

export interface Taken {
  readonly userId: UserId
  /** None, where the caller keeps the conversation. */
  readonly sessionId: SessionId | undefined
  readonly question: string
  readonly mode: TurnMode
}

/** The spans of the turn, and the first of the request, tell the session and the user. */
export const of =
  ({ mode, question, sessionId, userId }: Taken, environment: string) =>
  <A, E, R>(turn: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      const whose = { ...(sessionId === undefined ? {} : { "session.id": sessionId }), "user.id": userId }
      const { span } = fiber.getRef(RequestFacts)
      // Between the two may be a span of whoever listens: without it Langfuse would know no way from one to the other.
      if (fiber.cache.span?._tag === "Span") annotate(fiber.cache.span, whose)
      if (span !== undefined) {
        annotate(span, whose)
        const listener = fiber.getRef(Listener)
        if (listener !== undefined) {
          const tags = [environment, mode]
          const input = () => question
          annotate(span, {
            ...listener.traced({ name: "chat", tags, input }),
            ...listener.observed({ type: "span", input })
          })
        }
      }
      return Effect.annotateSpans(turn, whose)
    })

/** The span it is called in is the agent's work. It may outlive the request. */
export const answered = (question: string, answer: string): Effect.Effect<void> =>
  Effect.andThen(
    observe(() => ({ type: "agent", input: () => question, output: () => answer })),
    Effect.withFiber((fiber) => {
      const { span } = fiber.getRef(RequestFacts)
      const listener = fiber.getRef(Listener)
      if (span !== undefined && listener !== undefined) {
        const output = () => answer
        annotate(span, { ...listener.traced({ output }), ...listener.observed({ type: "span", output }) })
      }
      return Effect.void
    })
  )

/** What a call of the model cost, on its span. Langfuse takes every amount for dollars; these are euros. */
export const costs = (costEur: number): Effect.Effect<void> =>
  observe(() => ({ type: "generation", costEur }), { "parley.cost_eur": costEur })
