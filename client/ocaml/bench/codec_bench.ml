(* Nanoseconds of CPU time that it takes to encode and to decode a message: the
   least of several rounds.

   From the repository:
     client/ocaml/stage.sh bazel-bin/proto/plugin/protoc-gen-mycelium FOLDER
     dune exec --root FOLDER --profile release bench/codec_bench.exe [SECONDS]
     *)

open Mycelium_protocol

let rounds = 10

let least_ns ~seconds f =
  let calls = ref 0 in
  let round () =
    let begin_s = Sys.time () in
    calls := 0;
    while Sys.time () -. begin_s < seconds /. float rounds do
      for _ = 1 to 1000 do
        ignore (Sys.opaque_identity (f ()))
      done;
      calls := !calls + 1000
    done;
    (Sys.time () -. begin_s) *. 1e9 /. float !calls
  in
  List.fold_left min infinity (List.init rounds (fun _ -> round ()))

let measure ~seconds message_type value =
  let bytes = Mycelium_wire.Message.encode message_type value in
  let encode () = Mycelium_wire.Message.encode message_type value in
  let decode () = Mycelium_wire.Message.decode message_type bytes in
  Printf.printf "%-17s %3d B  encode %4.0f ns  decode %4.0f ns\n"
    (Mycelium_wire.Message.name message_type)
    (String.length bytes)
    (least_ns ~seconds encode) (least_ns ~seconds decode)

let () =
  let seconds =
    if Array.length Sys.argv > 1 then float_of_string Sys.argv.(1) else 2.
  in
  measure ~seconds TextMessage.t
    { sender = "ocaml"; content = "hello"; timestamp = 1_700_000_000_000L };
  measure ~seconds Question.t { text = String.make 62 '?' }
