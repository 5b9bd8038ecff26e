import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { Conversation } from "./Conversation.ts"
import { focusTalk } from "./focus.ts"
import { Send, Square } from "./icons.tsx"

export const Composer = ({ conversation }: { readonly conversation: Conversation }) => {
  const area = useRef<HTMLTextAreaElement>(null)
  const isRunning = conversation.isRunning.value
  const isStopping = conversation.isStopping.value
  const refusal = conversation.refusal.value

  useEffect(focusTalk, [conversation])
  useEffect(() => {
    if (refusal !== undefined) area.current?.focus()
  }, [refusal])

  // Where browsers do not fit it to what is in it themselves.
  useLayoutEffect(() => {
    const { current } = area
    if (current === null || CSS.supports("field-sizing", "content")) return
    current.style.height = "auto"
    current.style.height = `${current.scrollHeight}px`
  }, [conversation.draft.value])

  const submit = () => void conversation.send()

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      {refusal !== undefined && (
        <p class="wrong" id="message-wrong" role="alert">
          {refusal}
        </p>
      )}
      <div class="box">
        <label for="message" class="unseen">
          Message
        </label>
        <textarea
          id="message"
          ref={area}
          rows={1}
          placeholder="Write a message"
          enterkeyhint="send"
          value={conversation.draft.value}
          aria-invalid={refusal !== undefined}
          aria-describedby={refusal === undefined ? "message-hint" : "message-wrong"}
          onInput={(event) => {
            conversation.draft.value = event.currentTarget.value
            conversation.refusal.value = undefined
          }}
          onKeyDown={(event) => {
            // While a character is being composed, Enter chooses it.
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
            event.preventDefault()
            submit()
          }}
        />
        {isRunning ? (
          <button
            type="button"
            class="round stop"
            aria-label="Stop"
            aria-disabled={isStopping}
            title="Stop (Escape)"
            onClick={() => {
              area.current?.focus()
              void conversation.stop()
            }}
          >
            <Square />
          </button>
        ) : (
          <button type="submit" class="round" aria-label="Send" disabled={conversation.draft.value.trim() === ""}>
            <Send />
          </button>
        )}
      </div>
      <p class="hint" id="message-hint">
        {isStopping ? "Stopping …" : "Enter sends, Shift+Enter begins a new line, Escape stops an answer."}
      </p>
    </form>
  )
}
