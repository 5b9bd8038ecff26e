/**
 * The agent as a LangGraph: the agent node asks the model, the tools node does what it asked for, until it answers.
 * A graph is built for each turn (a tenth of a millisecond), so that its nodes simply see what the turn brings along.
 */
import { ModelFailed, ModelTimeout, ModelUnavailable } from "@parley/domain/Chat"
import type { MessageId, SessionId } from "@parley/domain/Sessions"
import { AIMessage, type AIMessageChunk, type BaseMessage, HumanMessage, RemoveMessage, SystemMessage } from "@langchain/core/messages"
import { END, GraphRecursionError, MessagesValue, REMOVE_ALL_MESSAGES, START, StateGraph, StateSchema } from "@langchain/langgraph"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import { Effect, Predicate } from "effect"
import type { AgentEvent, ModelUsage } from "./Agent.ts"
import { storable } from "./characters.ts"
import type { Model } from "./Model.ts"
import { isOverflow, type TurnModelError } from "./ModelError.ts"
import type { Tool } from "./Tools/Tool.ts"
import * as ToolCalls from "./ToolCalls.ts"
import * as Window from "./Window.ts"

const State = new StateSchema({ messages: MessagesValue })
interface State {
  readonly messages: ReadonlyArray<BaseMessage>
}

/** Calls of the model a turn may take, with the tools in between. */
const maxSteps = 12

export interface Turn {
  readonly sessionId: SessionId
  readonly messageId: MessageId
  readonly content: string
  readonly systemPrompt: string
  readonly model: Model
  readonly tools: ReadonlyArray<Tool>
  readonly contextTokens: number
  readonly checkpointer: BaseCheckpointSaver
  /** Told as it happens; its slowness is felt upstream. */
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
  readonly onUsage: (usage: ModelUsage) => Effect.Effect<void>
}

/** Gives all text the model streamed, also that before it used a tool. Nothing of it runs on when it is interrupted. */
export const run = Effect.fn("Graph.run")(function* (turn: Turn): Effect.fn.Return<string, TurnModelError> {
  const nodes = yield* makeNodes
  let content = ""

  const agent = Effect.fn("Graph.agent")(
    function* (state: State) {
      const ask = (window: ReadonlyArray<BaseMessage>) =>
        turn.model
          .answer([new SystemMessage(turn.systemPrompt), ...window], {
            onText: (text) => {
              content += text
              return turn.onEvent({ _tag: "Token", content: text })
            },
            onUsage: turn.onUsage
          })
          .pipe(Effect.map((answer) => ({ answer, window })))
      const { answer, window } = yield* ask(Window.fit(state.messages, turn.contextTokens)).pipe(
        // Tokens are estimated here, and counted there.
        Effect.catchIf(isOverflow, () => ask(Window.fit(state.messages, turn.contextTokens / 2)))
      )
      const said = withoutMetadata(answer)
      // What no longer fits is forgotten for good: the state does not grow with the conversation.
      return window.length === state.messages.length
        ? { messages: [said] }
        : { messages: [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...window, said] }
    },
    Effect.mapError(({ error }) => error)
  )

  const tools = Effect.fn("Graph.tools")(function* (state: State) {
    return { messages: yield* ToolCalls.run(turn.tools, state.messages.at(-1), turn.onEvent) }
  })

  const graph = new StateGraph(State)
    .addNode("agent", (state, { signal }) => nodes.run(agent(state), signal))
    .addNode("tools", (state, { signal }) => nodes.run(tools(state), signal))
    .addEdge(START, "agent")
    .addConditionalEdges("agent", ({ messages }) => (ToolCalls.of(messages.at(-1)).length > 0 ? "tools" : END), ["tools", END])
    .addEdge("tools", "agent")
    .compile({ checkpointer: turn.checkpointer })

  yield* Effect.tryPromise({
    try: (signal) =>
      graph.invoke(
        { messages: [new HumanMessage({ id: turn.messageId, content: turn.content })] },
        {
          signal,
          configurable: { thread_id: turn.sessionId },
          recursionLimit: maxSteps * 2,
          // The checkpoint comes once, at the end, and is written with everything else of the turn.
          durability: "exit",
          callbacks: []
        }
      ),
    catch: (thrown) => thrown
  }).pipe(Effect.onInterrupt(() => nodes.ended), Effect.catch(turnError))
  return content
})

/** Runs the effects of nodes where this effect runs: in its trace, with its services. */
const makeNodes = Effect.map(Effect.context<never>(), (context) => {
  const runPromise = Effect.runPromiseWith(context)
  const running = new Set<Promise<unknown>>()
  return {
    run: <A, E>(effect: Effect.Effect<A, E>, signal: AbortSignal | undefined): Promise<A> => {
      const node = runPromise(effect, signal === undefined ? {} : { signal })
      running.add(node)
      const forget = () => running.delete(node)
      node.then(forget, forget)
      return node
    },
    /** LangGraph, when it is aborted, does not wait for its nodes. */
    ended: Effect.promise(() => Promise.allSettled(running))
  }
})

/** The errors of nodes come through LangGraph as they are; everything else it throws is a defect, here or there. */
const turnError = (thrown: unknown): Effect.Effect<never, TurnModelError> => {
  if (thrown instanceof ModelFailed || thrown instanceof ModelTimeout || thrown instanceof ModelUnavailable) {
    return Effect.fail(thrown)
  }
  return thrown instanceof GraphRecursionError
    ? Effect.fail(new ModelFailed({ detail: "The agent took too many steps" }))
    : Effect.die(thrown)
}

/** What the model needs to see again: not the provider's bookkeeping, which would be stored with every message. */
const withoutMetadata = (chunk: AIMessageChunk): AIMessage =>
  new AIMessage({
    ...(chunk.id === undefined ? {} : { id: chunk.id }),
    content: Predicate.isString(chunk.content) ? storable(chunk.content) : chunk.content,
    tool_calls: [...(chunk.tool_calls ?? []), ...ToolCalls.malformed(chunk)]
  })
