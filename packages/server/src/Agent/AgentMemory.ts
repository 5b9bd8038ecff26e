import type { SessionId } from "@parley/domain/Sessions"
import { Context, Effect, Layer } from "effect"
import { CheckpointRepo } from "./CheckpointRepo.ts"
import type { ThreadRows } from "./CheckpointRows.ts"

/** What the agent would remember of a turn: nothing of it is stored before it is committed. */
export type Memory = ThreadRows

/** What the agent remembers of each session. Both methods are one statement, and join the caller's transaction. */
export class AgentMemory extends Context.Service<
  AgentMemory,
  {
    /** Replaces what was remembered before. */
    readonly commit: (memory: Memory) => Effect.Effect<void>
    readonly forget: (sessionId: SessionId) => Effect.Effect<void>
  }
>()("@parley/server/AgentMemory") {
  static readonly layer = Layer.effect(
    AgentMemory,
    Effect.gen(function* () {
      const repo = yield* CheckpointRepo
      return AgentMemory.of({
        commit: Effect.fn("AgentMemory.commit")((memory: Memory) => Effect.orDie(repo.commit(memory))),
        forget: Effect.fn("AgentMemory.forget")((sessionId: SessionId) => Effect.orDie(repo.deleteThreads([sessionId])))
      })
    })
  ).pipe(Layer.provide(CheckpointRepo.layer))
}
