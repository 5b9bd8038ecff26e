import type { ComponentChildren } from "preact"

const Icon = ({ children }: { readonly children: ComponentChildren }) => (
  <svg
    viewBox="0 0 20 20"
    width="18"
    height="18"
    fill="none"
    stroke="currentColor"
    stroke-width="1.6"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {children}
  </svg>
)

export const Plus = () => (
  <Icon>
    <path d="M10 4v12M4 10h12" />
  </Icon>
)
export const Pencil = () => (
  <Icon>
    <path d="M12.5 4.5l3 3L7 16l-3.5.5L4 13z" />
  </Icon>
)
export const Trash = () => (
  <Icon>
    <path d="M4 6h12M8 6V4h4v2M6 6l.6 10h6.8L14 6M8.5 9v4.5M11.5 9v4.5" />
  </Icon>
)
export const Menu = () => (
  <Icon>
    <path d="M3.5 6h13M3.5 10h13M3.5 14h13" />
  </Icon>
)
export const Send = () => (
  <Icon>
    <path d="M10 16V4.5M5 9l5-5 5 5" />
  </Icon>
)
export const Square = () => (
  <Icon>
    <rect x="6" y="6" width="8" height="8" rx="1" fill="currentColor" />
  </Icon>
)
