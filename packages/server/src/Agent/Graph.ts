/**
 * The agent as a LangGraph: the agent node asks the model, the tools node does what it asked for, until it answers.
 * A graph is built for each turn (a tenth of a millisecond), so that its nodes simply see what the turn brings along.
 */
import { ModelFailed, ModelTimeout, ModelUnavailable } from "@parley/domain/Chat"
import type { MessageId, SessionId } from "@parley/domain/Sessions"
import { AIMessage, type AIMessageChunk, type BaseMessage, HumanMessage, RemoveMessage, SystemMessage } from "@langchain/core/messages"
import { END, GraphRecursionError, MessagesValue, REMOVE_ALL_MESSAGES, START, StateGraph, StateSchema } from "@langchain/langgraph"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import { Effect } from "effect"
import type { AgentEvent, ModelUsage } from "./Agent.ts"
import type { Model } from "./Model.ts"
import type { TurnModelError } from "./ModelError.ts"
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
}

export interface Outcome {
  /** All text the model streamed, also that before it used a tool. */
  readonly content: string
  /** One entry for each call of the model. */
  readonly usage: ReadonlyArray<ModelUsage>
}

export const run = Effect.fn("Graph.run")(function* (turn: Turn): Effect.fn.Return<Outcome, TurnModelError> {
  const runNode = Effect.runPromiseWith(yield* Effect.context<never>())
  const usage: Array<ModelUsage> = []
  let content = ""

  const agent = Effect.fn("Graph.agent")(function* (state: State) {
    const window = Window.fit(state.messages, turn.contextTokens)
    const answer = yield* turn.model.answer([new SystemMessage(turn.systemPrompt), ...window], (text) => {
      content += text
      return turn.onEvent({ _tag: "Token", content: text })
    })
    usage.push(answer.usage)
    const said = withoutMetadata(answer.message)
    // What no longer fits is forgotten for good: the state does not grow with the conversation.
    return window.length === state.messages.length
      ? { messages: [said] }
      : { messages: [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...window, said] }
  }, Effect.mapError(({ error }) => error))

  const tools = Effect.fn("Graph.tools")(function* (state: State) {
    return { messages: yield* ToolCalls.run(turn.tools, state.messages.at(-1), turn.onEvent) }
  })

  const graph = new StateGraph(State)
    .addNode("agent", (state, { signal }) => runNode(agent(state), signalOf(signal)))
    .addNode("tools", (state, { signal }) => runNode(tools(state), signalOf(signal)))
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
  }).pipe(Effect.catch(turnError))
  return { content, usage }
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

const signalOf = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })

/** What the model needs to see again: not the provider's bookkeeping, which would be stored with every message. */
const withoutMetadata = (chunk: AIMessageChunk): AIMessage =>
  new AIMessage({
    ...(chunk.id === undefined ? {} : { id: chunk.id }),
    content: chunk.content,
    tool_calls: [...(chunk.tool_calls ?? []), ...ToolCalls.malformed(chunk)]
  })
