/** Pictures as files: without a browser, and with a font of our own, so that they are the same on every machine. */
import { Resvg } from "@resvg/resvg-js"
import { fileURLToPath } from "node:url"
import { theme } from "./theme.ts"

const fontFiles = ["400Regular/OpenSans_400Regular.ttf", "600SemiBold/OpenSans_600SemiBold.ttf"].map((file) =>
  fileURLToPath(import.meta.resolve(`@expo-google-fonts/open-sans/${file}`))
)

/** `scale` is how many pixels of the picture are one of the drawing. */
export const png = (svg: string, scale = 1): Uint8Array =>
  new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: theme.font }
  })
    .render()
    .asPng()
