/**
 * The agent as a LangGraph: the agent node asks the model, the tools node does what it asked for, until it answers.
 * When much has been said, the last node puts a summary in place of the oldest, which is written beside the answer.
 * A graph is built for each turn (a tenth of a millisecond), so that its nodes simply see what the turn brings along.
 */
import { ModelFailed, ModelTimeout, ModelUnavailable } from "@parley/domain/Chat"
import type { SessionId } from "@parley/domain/Sessions"
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages"
import { Command, END, MessagesValue, START, StateGraph, StateSchema } from "@langchain/langgraph"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import { Clock, Duration, Effect, Exit, Fiber, Option, type Scope } from "effect"
import { ofOthers, TurnFacts } from "../Telemetry/TurnFacts.ts"
import type { AgentEvent, ModelUsage, Said } from "./Agent.ts"
import { storable } from "./characters.ts"
import type { Model } from "./Model.ts"
import { isOverflow, type TurnModelError } from "./ModelError.ts"
import * as Summary from "./Summary.ts"
import type { Tool } from "./Tools/Tool.ts"
import * as ToolCalls from "./ToolCalls.ts"
import * as Window from "./Window.ts"

const State = new StateSchema({ messages: MessagesValue })
interface State {
  readonly messages: ReadonlyArray<BaseMessage>
}

/** Calls of the model a turn may take, with the tools in between. */
const maxSteps = 12

/** How long an answer that is there may wait for the summary. */
const summaryPatience = "3 seconds"

/** Where what was said before comes from, and the turn goes to. */
export interface Memory {
  readonly sessionId: SessionId
  readonly checkpointer: BaseCheckpointSaver
  /** What the model is shown of it. */
  readonly contextTokens: number
  /** Sums up what was said longer ago. */
  readonly summarizer: Model
  readonly summaryPrompt: string
}

export interface Turn {
  /** Since the last turn; all there is, without a memory. */
  readonly said: ReadonlyArray<Said & { readonly id?: string }>
  readonly systemPrompt: string
  readonly model: Model
  readonly tools: ReadonlyArray<Tool>
  /** For everything until the answer is there. */
  readonly totalTimeout: Duration.Duration
  /** Without one the model is shown all that was said, and nothing of the turn is kept. */
  readonly memory: Memory | undefined
  /** Told as it happens; its slowness is felt upstream. */
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
  readonly onUsage: (usage: ModelUsage) => Effect.Effect<void>
}

/** Gives all text the model streamed, also that before it used a tool. Nothing of it runs on when it is interrupted. */
export const run = Effect.fnUntraced(function* (turn: Turn): Effect.fn.Return<string, TurnModelError, Scope.Scope> {
  const nodes = yield* makeNodes
  const scope = yield* Effect.scope
  const deadline = (yield* Clock.currentTimeMillis) + Duration.toMillis(turn.totalTimeout)
  const facts = yield* TurnFacts
  const { memory } = turn
  let content = ""
  let steps = 0
  let summing: { readonly old: ReadonlyArray<BaseMessage>; readonly fiber: Fiber.Fiber<string, unknown> } | undefined

  const outOfTime = Effect.suspend(() => {
    // Before what runs is interrupted: it tells why it ends.
    facts.isOutOfTime = true
    return Effect.fail(new ModelTimeout({}))
  })
  const inTime = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.raceFirst(effect, Effect.andThen(Effect.sleep(deadline - now), outOfTime))
    )

  /** Begins the summary, if it is time for one, while the model answers. */
  const sumUp = Effect.fnUntraced(function* (recalled: Summary.Recalled) {
    const old = memory === undefined ? [] : Summary.due(recalled, memory.contextTokens)
    if (memory === undefined || summing !== undefined || old.length === 0) return
    const writing = Summary.write(memory.summarizer, memory.summaryPrompt, recalled.summary, old, turn.onUsage)
    summing = { old, fiber: yield* Effect.forkIn(writing, scope) }
  })

  const agent = Effect.fn("Graph.agent")(function* (state: State) {
    if (++steps > maxSteps) return yield* new ModelFailed({ detail: "The agent took too many steps" })
    const recalled = Summary.recall(state.messages)
    yield* sumUp(recalled)
    const ask = (spoken: ReadonlyArray<BaseMessage>) =>
      turn.model
        .answer([Summary.withPast(turn.systemPrompt, recalled), ...spoken], {
          onText: (text) => {
            content += text
            return turn.onEvent({ _tag: "Token", content: text })
          },
          onUsage: turn.onUsage
        })
        .pipe(Effect.map((said) => ({ said, spoken })))
    const before = content
    const fit = (share: number) =>
      memory === undefined ? recalled.spoken : Window.fit(recalled.spoken, memory.contextTokens * share)
    const most = fit(1)
    const less = fit(0.5)
    const { said, spoken } = yield* ask(most).pipe(
      // Tokens are estimated here, and counted there.
      Effect.catchIf(
        (failed) => isOverflow(failed) && content === before && less.length < most.length,
        () => ask(less)
      ),
      Effect.mapError(({ error }) => error)
    )
    // What no longer fits is not shown again.
    const messages =
      spoken.length === recalled.spoken.length ? [said] : Summary.replace({ ...recalled, spoken: [...spoken, said] })
    const afterAnswer = summing === undefined ? END : "condense"
    return new Command({ update: { messages }, goto: ToolCalls.of(said).length > 0 ? "tools" : afterAnswer })
  })

  const condense = Effect.fn("Graph.condense")(function* (state: State) {
    if (summing === undefined) return { messages: [] }
    // The answer is there: a summary that fails, or takes its time, is written another time.
    const written = yield* Effect.timeoutOption(Fiber.await(summing.fiber), summaryPatience)
    const summary = Option.getOrUndefined(Option.flatMap(written, Exit.getSuccess))
    return { messages: Summary.condense(Summary.recall(state.messages), summing.old, summary) }
  })

  const tools = Effect.fn("Graph.tools")(function* (state: State) {
    return { messages: yield* ofOthers(ToolCalls.run(turn.tools, state.messages.at(-1), turn.onEvent)) }
  })

  const graph = new StateGraph(State)
    .addNode("tools", (state, { signal }) => nodes.run(inTime(tools(state)), signal))
    .addNode("condense", (state, { signal }) => nodes.run(condense(state), signal))
    // A command costs less than a conditional edge, which is two more runnables with a run of LangSmith each.
    .addNode("agent", (state: State, { signal }) => nodes.run(inTime(agent(state)), signal), {
      ends: ["tools", "condense", END]
    })
    .addEdge(START, "agent")
    .addEdge("tools", "agent")
    .addEdge("condense", END)
    .compile({ checkpointer: memory?.checkpointer ?? false })

  // What a node fails with comes out of LangGraph as a rejection, like everything else that goes wrong in it.
  yield* Effect.promise((signal) =>
    graph.invoke(
      { messages: turn.said.map(messageOf) },
      {
        signal,
        ...(memory === undefined ? {} : { configurable: { thread_id: memory.sessionId } }),
        // Steps are counted above, because the summary's is not the model's.
        recursionLimit: maxSteps * 2 + 3,
        // The checkpoint comes once, at the end, and is written with everything else of the turn.
        durability: "exit",
        callbacks: []
      }
    )
  ).pipe(
    Effect.onInterrupt(() => nodes.ended),
    Effect.catchDefect(turnError)
  )
  return content
}, Effect.scoped)

const messageClasses = { system: SystemMessage, user: HumanMessage, assistant: AIMessage }

const messageOf = ({ content, id, role }: Turn["said"][number]): BaseMessage =>
  new messageClasses[role]({ content: storable(content), ...(id === undefined ? {} : { id }) })

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
  return Effect.die(thrown)
}
