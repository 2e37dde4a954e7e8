(* Seconds that never go back: OCaml has no monotonic clock of its own. *)

let last = ref 0.
let behind = ref 0. (* by how much the system's clock was set back, in all *)

let now () =
  let time = Unix.gettimeofday () +. !behind in
  if time >= !last then begin
    last := time;
    time
  end
  else begin
    behind := !behind +. (!last -. time);
    !last
  end

let deadline = function
  | None -> infinity
  | Some timeout_s -> now () +. timeout_s
