/** Asked before a chat is renamed or deleted. The browser's own dialogs keep the focus, and give it back. */
import { signal } from "@preact/signals"
import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { announce } from "./Announcer.tsx"
import { Field } from "./Field.tsx"
import { type Problem, problemOf } from "./Problem.ts"
import { ProblemNote } from "./ProblemNote.tsx"
import * as Sessions from "./Sessions.ts"
import type { Session } from "./types.ts"

interface Asked {
  readonly what: "rename" | "delete"
  readonly session: Session
}

export const asked = signal<Asked | undefined>(undefined)

const close = () => {
  asked.value = undefined
}

const Dialog = (props: {
  readonly title: string
  readonly action: string
  readonly act: () => Promise<void>
  readonly danger?: boolean
  readonly problem: Problem | undefined
  readonly children: ComponentChildren
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus()
      else document.querySelector<HTMLElement>("#new-chat")?.focus()
    }
  }, [])
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={close}>
      <form
        method="dialog"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void props.act()
        }}
      >
        <h2 id="dialog-title">{props.title}</h2>
        {props.children}
        {props.problem !== undefined && <ProblemNote problem={props.problem} />}
        <div class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class={props.danger === true ? "danger" : "primary"}>
            {props.action}
          </button>
        </div>
      </form>
    </dialog>
  )
}

/** Does it, closes, and says so; or says why not. */
const useAction = (act: () => Promise<unknown>, done: string) => {
  const [problem, setProblem] = useState<Problem | undefined>(undefined)
  const run = async () => {
    try {
      await act()
      close()
      announce(done)
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  return { problem, run }
}

const Rename = ({ session }: { readonly session: Session }) => {
  const [name, setName] = useState(session.name)
  const { problem, run } = useAction(() => Sessions.rename(session.session_id, name), "Renamed.")
  const wrong = problem?.of("name")
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.select(), [])
  return (
    <Dialog title="Rename chat" action="Rename" act={run} problem={wrong === undefined ? problem : undefined}>
      <Field
        id="name"
        label="Name"
        type="text"
        autocomplete="off"
        value={name}
        wrong={wrong}
        input={input}
        onValue={setName}
      />
    </Dialog>
  )
}

const Delete = ({ session }: { readonly session: Session }) => {
  const { problem, run } = useAction(() => Sessions.remove(session.session_id), "Deleted.")
  return (
    <Dialog title="Delete chat?" action="Delete" danger act={run} problem={problem}>
      <p>“{Sessions.nameOf(session)}” and everything that was said in it will be gone. This cannot be undone.</p>
    </Dialog>
  )
}

export const Dialogs = () => {
  const question = asked.value
  if (question === undefined) return null
  return question.what === "rename" ? <Rename session={question.session} /> : <Delete session={question.session} />
}
