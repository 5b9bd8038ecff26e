import type { SessionId } from "@parley/domain/Sessions"
import { Context, Effect, Layer, Option, Schema } from "effect"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import type { ThreadRows } from "./CheckpointRows.ts"

/** What the agent would remember of a turn: nothing of it is stored before it is committed. */
export type Memory = ThreadRows

/** The id of the message that stands first in a state when much was said before. */
export const summaryId = "summary"

/** As LangChain writes it: read by hand, because to load LangChain for this would take seconds. */
const Summarized = Schema.fromJsonString(
  Schema.TupleWithRest(
    Schema.Tuple([Schema.Struct({ kwargs: Schema.Struct({ id: Schema.Literal(summaryId), content: Schema.String }) })]),
    [Schema.Unknown]
  )
)
const decodeSummarized = Schema.decodeUnknownOption(Summarized)

const textDecoder = new TextDecoder()

const decodeSummary = (messages: Uint8Array | null | undefined): Option.Option<string> =>
  Option.map(decodeSummarized(textDecoder.decode(messages ?? new Uint8Array())), ([{ kwargs }]) => kwargs.content)

/** What the agent remembers of each session. What is an effect is one statement, and joins the caller's transaction. */
export class AgentMemory extends Context.Service<
  AgentMemory,
  {
    /**
     * Replaces what was remembered before: common table expressions for the statement that commits the turn, which do
     * nothing unless its table `fence` has a row.
     */
    readonly committing: CheckpointRepo["Service"]["committing"]
    readonly forget: (sessionId: SessionId) => Effect.Effect<void>
    /** What it keeps, in few words, of what was said too long ago to be kept word for word. */
    readonly summary: (sessionId: SessionId) => Effect.Effect<Option.Option<string>>
  }
>()("@parley/server/AgentMemory") {
  static readonly layer = Layer.effect(
    AgentMemory,
    Effect.gen(function* () {
      const repo = yield* CheckpointRepo
      return AgentMemory.of({
        committing: repo.committing,
        summary: Effect.fn("AgentMemory.summary")((sessionId: SessionId) =>
          repo
            .load({ thread_id: sessionId, checkpoint_ns: "" })
            .pipe(
              Effect.orDie,
              Effect.map(
                Option.flatMap(({ blobs }) => decodeSummary(blobs.find(({ channel }) => channel === "messages")?.blob))
              )
            )
        ),
        forget: Effect.fn("AgentMemory.forget")((sessionId: SessionId) => Effect.orDie(repo.deleteThreads([sessionId])))
      })
    })
  ).pipe(Layer.provide(CheckpointRepo.layer))
}
