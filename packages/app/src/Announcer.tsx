/** What screen readers are told at once, without the focus moving: never single tokens. */
import { signal } from "@preact/signals"

const announcement = signal("")

export const announce = (text: string): void => {
  announcement.value = text
}

export const Announcer = () => (
  <div role="status" class="unseen">
    {announcement}
  </div>
)
