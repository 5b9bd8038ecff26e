/** What the model asked tools for, and their answers: every call is answered, whatever happens, or the next turn is refused. */
import { AIMessage, type AIMessageChunk, type BaseMessage, ToolMessage } from "@langchain/core/messages"
import { Effect, Predicate } from "effect"
import type { AgentEvent } from "./Agent.ts"
import { observe } from "../Telemetry/Observations.ts"
import { storable } from "./characters.ts"
import { type Tool, ToolFailed } from "./Tools/Tool.ts"

interface ToolCall {
  readonly id?: string
  readonly name: string
  readonly args: Record<string, unknown>
}

const timeout = "20 seconds"

/** Longer answers are cut: a tool must not flood the context. */
const maxCharacters = 20_000

export const of = (message: BaseMessage | undefined): ReadonlyArray<ToolCall> =>
  message instanceof AIMessage ? (message.tool_calls ?? []) : []

/** Marks arguments that were no JSON. */
const malformedKey = "__malformed_arguments"

/** Calls whose arguments were no JSON, as calls that will be answered with just that. */
export const malformed = (chunk: AIMessageChunk): Array<ToolCall & { readonly type: "tool_call" }> =>
  (chunk.invalid_tool_calls ?? []).map(({ args, id, name }) => ({
    type: "tool_call",
    ...(id === undefined ? {} : { id }),
    name: name ?? "unknown",
    args: { [malformedKey]: args ?? "" }
  }))

/** Runs all calls of the message at once. Failures go to the model as text. */
export const run = Effect.fnUntraced(function* (
  tools: ReadonlyArray<Tool>,
  message: BaseMessage | undefined,
  onEvent: (event: AgentEvent) => Effect.Effect<void>
) {
  return yield* Effect.forEach(
    of(message),
    (call) =>
      Effect.gen(function* () {
        yield* onEvent({ _tag: "Tool", name: call.name, status: "started" })
        const { status, text } = yield* execute(tools, call)
        yield* onEvent({ _tag: "Tool", name: call.name, status })
        const content = storable(text.slice(0, maxCharacters))
        return new ToolMessage({ tool_call_id: call.id ?? "", name: call.name, content })
      }),
    { concurrency: "unbounded" }
  )
})

const execute = (tools: ReadonlyArray<Tool>, call: ToolCall) => {
  const tool = tools.find(({ name }) => name === call.name)
  // What the model makes up is no name for a span.
  const name = tool?.name ?? "unknown"
  return Effect.gen(function* () {
    yield* observe(() => ({ type: "tool", input: () => call.args }))
    if (tool === undefined) return yield* new ToolFailed({ reason: `There is no tool ${call.name}` })
    if (Predicate.hasProperty(call.args, malformedKey)) {
      return yield* new ToolFailed({ reason: "The arguments were not valid JSON" })
    }
    const text = yield* tool.execute(call.args)
    yield* observe(() => ({ type: "tool", output: () => text }))
    return text
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.fail(new ToolFailed({ reason: `No answer within ${timeout}` }))
    }),
    Effect.withSpan(`execute_tool ${name}`, {
      attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name }
    }),
    Effect.map((text) => ({ status: "finished" as const, text })),
    Effect.catchTag("ToolFailed", ({ reason }) =>
      Effect.succeed({ status: "failed" as const, text: `Error: ${reason}` })
    ),
    Effect.catchDefect((defect) =>
      Effect.as(Effect.logError(`tool ${call.name} broke`, defect), {
        status: "failed" as const,
        text: "Error: the tool is broken"
      })
    )
  )
}
