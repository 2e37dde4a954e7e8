(* Another process, which a test may stop or kill.

   peer.exe count URL QUEUE_BYTES    says "ready"; counts what comes of type 7
                                     until there is something of type 8, then
                                     says how many came, how many gaps tell of,
                                     and whether they are in order without holes
   peer.exe hold URL GROUP           a member of the group: says "holds" with
   its
                                     first message of type 7, and does nothing
                                     more *)

open Mycelium

let ok = function
  | Ok value -> value
  | Error why ->
      prerr_endline (Error.to_string why);
      exit 1

let say text =
  print_endline text;
  flush stdout

let count url queue_bytes_max =
  let client = ok (Client.connect ~url ()) in
  let policy = { Policy.live with queue_bytes_max } in
  let pulled = ok (Client.pull_bytes ~policy client ~type_id:7) in
  let finish = ok (Client.pull_bytes client ~type_id:8) in
  say "ready";
  ignore (ok (Client.next finish) : string Client.item);
  let frames = ref 0 and missed = ref 0 and next = ref 1 in
  let has_holes = ref false in
  let expect first last =
    if first <> !next then has_holes := true;
    next := last + 1
  in
  let rec read () =
    match Client.next ~timeout_s:0. pulled with
    | Ok (Message (_, { sequence; _ })) ->
        incr frames;
        expect sequence sequence;
        read ()
    | Ok (Gap gap) ->
        missed := !missed + Gap.frames gap;
        List.iter
          (fun { Gap.first_sequence; last_sequence; _ } ->
            expect first_sequence last_sequence)
          gap.ranges;
        read ()
    | Error _ -> ()
  in
  read ();
  say
    (Printf.sprintf "%d frames, %d missed, %s" !frames !missed
       (if !has_holes then "holes" else "no holes"));
  Client.close client

let hold url group =
  let client = ok (Client.connect ~url ()) in
  let pulled = ok (Client.pull_bytes ~group client ~type_id:7) in
  say "ready";
  ignore (ok (Client.next pulled) : string Client.item);
  say "holds";
  while true do
    Thread.delay 3600.
  done

let () =
  match Sys.argv with
  | [| _; "count"; url; queue_bytes |] -> count url (int_of_string queue_bytes)
  | [| _; "hold"; url; group |] -> hold url group
  | _ ->
      prerr_endline "usage: peer.exe count URL BYTES | hold URL GROUP";
      exit 2
