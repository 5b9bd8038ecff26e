import type { Problem } from "./Problem.ts"

export interface ToolUse {
  readonly name: string
  readonly status: "started" | "finished" | "failed"
}

/** What a person has said, until it is answered. */
export interface Turn {
  readonly message_id: string
  readonly content: string
  /** Of the answer, so far. */
  readonly text: string
  readonly tools: ReadonlyArray<ToolUse>
  readonly state: "running" | "waiting" | "ended"
  /** Why it ended without an answer. */
  readonly problem?: Problem
}

export const begun = (message_id: string, content: string, state: "running" | "waiting" = "running"): Turn => ({
  message_id,
  content,
  text: "",
  tools: [],
  state
})

/** What ends is the first of its name that runs. */
export const withTool = (tools: ReadonlyArray<ToolUse>, use: ToolUse): ReadonlyArray<ToolUse> => {
  const running = tools.findIndex(({ name, status }) => name === use.name && status === "started")
  return use.status === "started" || running < 0 ? [...tools, use] : tools.with(running, use)
}
