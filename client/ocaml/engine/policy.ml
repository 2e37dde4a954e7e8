type overflow = Gap | Conflate | Disconnect
type t = { queue_bytes_max : int; stall_ms_max : int; overflow : overflow }

let balanced =
  { queue_bytes_max = 16 lsl 20; stall_ms_max = 1000; overflow = Gap }

let lossless = { balanced with stall_ms_max = -1 }
let live = { balanced with stall_ms_max = 0 }
let latest = { live with overflow = Conflate }
let strict = { balanced with overflow = Disconnect }
