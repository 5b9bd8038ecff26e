import { useState } from "preact/hooks"
import { announce } from "./Announcer.tsx"

/** Browsers have a clipboard only for pages that came by TLS, or from this machine. */
export const CopyButton = ({ text, what }: { readonly text: string; readonly what: string }) => {
  const [isCopied, setCopied] = useState(false)
  if (!("clipboard" in navigator)) return null
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    announce("Copied.")
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <button type="button" class="quiet copy" aria-label={`Copy ${what}`} onClick={() => void copy().catch(() => {})}>
      {isCopied ? "Copied" : "Copy"}
    </button>
  )
}
