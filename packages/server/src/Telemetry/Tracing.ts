/** Spans are for those who collect them, and so far nobody does. An exporter, once there is one, takes the place of this. */
import { Layer, References } from "effect"

/** Each span costs its ids, times and attributes, also when nobody ever sees it. */
export const layerNone = Layer.succeed(References.TracerEnabled, false)
