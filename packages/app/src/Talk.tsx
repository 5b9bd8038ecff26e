/** What was said in a chat, and the turn that is under way. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { Conversation } from "./Conversation.ts"
import { CopyButton } from "./CopyButton.tsx"
import { focusMessage, focusTalk } from "./focus.ts"
import { Markdown } from "./Markdown.tsx"
import { ProblemNote } from "./ProblemNote.tsx"
import type { ToolUse, Turn } from "./Turn.ts"
import type { Message } from "./types.ts"

const Said = ({ message }: { readonly message: Message }) =>
  message.role === "user" ? (
    <li class="message mine">
      <span class="unseen">You said:</span>
      <div class="bubble">{message.content}</div>
    </li>
  ) : (
    <li class="message answer">
      <span class="unseen">Parley said:</span>
      <Markdown text={message.content} />
      <div class="under">
        <CopyButton text={message.content} what="answer" />
      </div>
    </li>
  )

const toolNames: Readonly<Record<string, string>> = { current_time: "the time", web_search: "the web" }
const toolWords = ({ name, status }: ToolUse): string => {
  const what = toolNames[name]
  if (status === "started") return what === undefined ? `Using ${name} …` : `Looking up ${what} …`
  if (status === "finished") return what === undefined ? `Used ${name}` : `Looked up ${what}`
  return what === undefined ? `${name} did not work` : `Could not look up ${what}`
}

const UnderWay = ({ conversation, turn }: { readonly conversation: Conversation; readonly turn: Turn }) => {
  const { problem } = turn
  const isBusyElsewhere = problem?.detail.startsWith("A turn is already running") === true
  return (
    <>
      <li class="message mine">
        <span class="unseen">You said:</span>
        <div class="bubble">{turn.content}</div>
      </li>
      <li class="message answer" aria-busy={turn.state !== "ended"}>
        <span class="unseen">Parley says:</span>
        {turn.tools.length > 0 && (
          <ul class="tools" aria-label="What Parley did">
            {turn.tools.map((tool) => (
              <li class={tool.status}>{toolWords(tool)}</li>
            ))}
          </ul>
        )}
        {turn.text !== "" && (
          <div class={turn.state === "ended" ? "unkept" : "growing"}>
            <Markdown text={turn.text} />
          </div>
        )}
        {turn.state === "running" && turn.text === "" && (
          <p class="thinking">
            <span class="unseen">Parley is thinking</span>
            <i />
            <i />
            <i />
          </p>
        )}
        {turn.state === "waiting" && <p class="hint">Waiting for the answer that is being written …</p>}
        {problem !== undefined && (
          <ProblemNote problem={problem} retry={{ label: "Send again", onRetry: () => void conversation.again() }}>
            {isBusyElsewhere && (
              <button type="button" class="small" onClick={() => void conversation.stop()}>
                Stop the other answer
              </button>
            )}
            <button
              type="button"
              class="small"
              onClick={() => {
                conversation.edit()
                focusMessage()
              }}
            >
              Edit
            </button>
          </ProblemNote>
        )}
      </li>
    </>
  )
}

const suggestions = ["What time is it in Lisbon?", "Explain why the sea has tides", "Help me word a friendly reminder"]

const Welcome = ({ conversation }: { readonly conversation: Conversation }) => (
  <div class="welcome">
    <h2>What would you like to talk about?</h2>
    <ul>
      {suggestions.map((text) => (
        <li>
          <button
            type="button"
            onClick={() => {
              focusTalk()
              void conversation.send(text)
            }}
          >
            {text}
          </button>
        </li>
      ))}
    </ul>
  </div>
)

/** How near to the end somebody must be to be taken along, in pixels. */
const near = 80

export const Talk = ({ conversation }: { readonly conversation: Conversation }) => {
  const box = useRef<HTMLDivElement>(null)
  const isFollowing = useRef(true)
  const messages = conversation.messages.value
  const turn = conversation.turn.value
  const problem = conversation.problem.value

  // What a person sends themselves they want to see.
  useEffect(() => {
    isFollowing.current = true
  }, [turn?.message_id])
  useLayoutEffect(() => {
    if (isFollowing.current) box.current?.scrollTo({ top: box.current.scrollHeight })
  })

  return (
    <div
      class="talk"
      ref={box}
      role="region"
      aria-label="What was said"
      tabIndex={0}
      onScroll={({ currentTarget }) => {
        const { clientHeight, scrollHeight, scrollTop } = currentTarget
        isFollowing.current = scrollHeight - scrollTop - clientHeight < near
      }}
    >
      <div class="column">
        {conversation.isLoading.value && messages.length === 0 && <p class="hint">Loading …</p>}
        {messages.length === 0 && turn === undefined && !conversation.isLoading.value && problem === undefined && (
          <Welcome conversation={conversation} />
        )}
        <ol>
          {messages.map((message) => (
            <Said key={message.id} message={message} />
          ))}
          {turn !== undefined && <UnderWay conversation={conversation} turn={turn} />}
        </ol>
        {conversation.hasMore.value && !conversation.isLoading.value && (
          <button type="button" class="small" onClick={() => void conversation.load()}>
            Show what was said after this
          </button>
        )}
        {problem !== undefined && (
          <ProblemNote
            problem={problem}
            retry={
              conversation.isRunning.value ? undefined : { label: "Try again", onRetry: () => void conversation.load() }
            }
          />
        )}
      </div>
    </div>
  )
}
