import { useEffect } from "preact/hooks"
import { Composer } from "./Composer.tsx"
import * as Conversations from "./Conversations.ts"
import { asked, Dialogs } from "./Dialogs.tsx"
import { focusMessage } from "./focus.ts"
import { Menu, Plus } from "./icons.tsx"
import * as Sessions from "./Sessions.ts"
import { isOpen, Sidebar } from "./Sidebar.tsx"
import { Talk } from "./Talk.tsx"

const setOpen = (open: boolean) => {
  isOpen.value = open
  document.querySelector<HTMLElement>(open ? "#new-chat" : "#menu")?.focus()
}

export const ChatPage = ({ onLogOut }: { readonly onLogOut: () => void }) => {
  const conversation = Conversations.shown.value
  const name = Sessions.nameOf(Sessions.shownSession.value)

  useEffect(() => {
    document.title = `${name} – Parley`
  }, [name])

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // A dialog takes it for itself.
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || asked.value !== undefined) return
      if (isOpen.value) setOpen(false)
      else if (Conversations.shown.value.isRunning.value) void Conversations.shown.value.stop()
    }
    document.addEventListener("keydown", onKey)
    return () => document.removeEventListener("keydown", onKey)
  }, [])

  return (
    <div class="page">
      <a
        class="skip"
        href="#message"
        onClick={(event) => {
          event.preventDefault()
          focusMessage()
        }}
      >
        Skip to the message
      </a>
      <Sidebar onLogOut={onLogOut} />
      {isOpen.value && <button type="button" class="veil" aria-label="Close" onClick={() => setOpen(false)} />}
      <main>
        <header>
          <button
            type="button"
            id="menu"
            class="icon"
            aria-label="Chats"
            aria-controls="sidebar"
            aria-expanded={isOpen.value}
            onClick={() => setOpen(!isOpen.value)}
          >
            <Menu />
          </button>
          <h1>{name}</h1>
          <button type="button" class="icon new-here" aria-label="New chat" onClick={() => Sessions.show(undefined)}>
            <Plus />
          </button>
        </header>
        <Talk key={conversation} conversation={conversation} />
        <Composer conversation={conversation} />
      </main>
      <Dialogs />
    </div>
  )
}
