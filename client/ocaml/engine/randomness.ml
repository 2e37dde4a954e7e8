type t = Random.State.t

let make = Random.State.make_self_init

let bytes t count =
  String.init count (fun _ -> Char.chr (Random.State.int t 256))

let up_to t bound = Random.State.float t bound
