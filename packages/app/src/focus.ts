/** Those with a keyboard can write on at once; on a phone it would cover what they came to read. */
const hasKeyboard = () => matchMedia("(hover: hover)").matches

export const focusMessage = (): void => document.querySelector<HTMLElement>("#message")?.focus()

/** Where reading and writing goes on. */
export const focusTalk = (): void => document.querySelector<HTMLElement>(hasKeyboard() ? "#message" : ".talk")?.focus()
