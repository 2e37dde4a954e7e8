module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Topic = Mycelium_engine.Topic

(* What a handler has to get, on a bus of its own, and has had. *)
type route = {
  type_id : int;
  filter : Topic.filter;
  published : int Atomic.t;
  handled : int Atomic.t;
}

type t = {
  client : Client.t;
  is_private_bus : bool;
  routes : route list Atomic.t;
}

exception Failed of Error.t

let () =
  Printexc.register_printer (function
    | Failed why -> Some (Error.to_string why)
    | _ -> None)

let or_raise = function Ok value -> value | Error why -> raise (Failed why)

(* --- The end ----------------------------------------------------------------- *)

let is_handled t =
  List.for_all
    (fun { published; handled; _ } -> Atomic.get handled >= Atomic.get published)
    (Atomic.get t.routes)

let patience_s = 1.

let await_handlers t =
  let deadline = Mycelium_posix.Clock.now () +. patience_s in
  while not (is_handled t || Mycelium_posix.Clock.now () > deadline) do
    Thread.delay 0.0005
  done

(* Those on a bus of their own, until they are closed. *)
let open_runtimes = Atomic.make []

let rec update atomic f =
  let before = Atomic.get atomic in
  if not (Atomic.compare_and_set atomic before (f before)) then
    update atomic f

let close t =
  if not (Waiting.in_callback ()) then await_handlers t;
  update open_runtimes (List.filter (fun other -> other != t));
  Client.close t.client

let () =
  at_exit (fun () ->
      if not (Waiting.in_callback ()) then
        List.iter await_handlers (Atomic.get open_runtimes))

(* --- The rest ---------------------------------------------------------------- *)

let private_bus = "inproc:"

let make url client =
  let t =
    { client; is_private_bus = url = private_bus; routes = Atomic.make [] }
  in
  if t.is_private_bus then update open_runtimes (List.cons t);
  t

let create ?(url = private_bus) digest =
  match Mycelium_wire.Schema.find digest with
  | Some schema -> make url (or_raise (Client.connect ~url ~schema ()))
  | None ->
      or_raise
        (Error.fail Invalid_argument
           "create: digest %s, allowed those of the generated modules of this \
            program"
           (Mycelium_wire.Schema.digest_text digest))

let publish ?(topic = "") t (message_type : _ Client.message_type) value =
  let takes { type_id; filter; _ } =
    type_id = message_type.type_id && Topic.takes filter topic
  in
  let takers =
    if t.is_private_bus then List.filter takes (Atomic.get t.routes) else []
  in
  List.iter (fun { published; _ } -> Atomic.incr published) takers;
  match Client.publish ~topic t.client message_type value with
  | Ok () -> ()
  | Error why ->
      List.iter (fun { published; _ } -> Atomic.decr published) takers;
      raise (Failed why)

let subscribe ?(topic_filter = "") t (message_type : _ Client.message_type) f =
  let published = Atomic.make 0 and handled = Atomic.make 0 in
  let counted count f =
    Fun.protect f ~finally:(fun () ->
        ignore (Atomic.fetch_and_add handled count : int))
  in
  let on_gap gap =
    counted (Gap.frames gap) (fun () ->
        Format.eprintf "mycelium: missed %a@." Gap.pp gap)
  in
  let subscription =
    Client.subscribe ~topic_filter ~on_gap t.client message_type
      (fun value _ -> counted 1 (fun () -> f value))
  in
  ignore (or_raise subscription : Client.subscription);
  match Topic.filter topic_filter with
  | Ok filter ->
      let type_id = message_type.type_id in
      update t.routes (List.cons { type_id; filter; published; handled })
  | Error why -> or_raise (Error.fail Invalid_argument "subscribe: %s" why)

let flush t = or_raise (Client.flush t.client)
let client t = t.client
