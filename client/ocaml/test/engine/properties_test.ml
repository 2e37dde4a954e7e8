(* Properties, over random cases whose seed is printed (QCHECK_SEED repeats
   it). *)

open Mycelium_engine
open Fake_broker

let seed =
  match Sys.getenv_opt "QCHECK_SEED" with
  | Some text -> int_of_string text
  | None ->
      Random.self_init ();
      Random.bits ()

let test ?(count = 500) name gen print property =
  let cell = QCheck2.Test.make ~count ~name ~print gen property in
  Alcotest.test_case name `Quick (fun () ->
      QCheck2.Test.check_exn ~rand:(Random.State.make [| seed |]) cell)

(* --- What a broker may send ----------------------------------------------- *)

module Gen = QCheck2.Gen

let topic = Gen.oneofl [ ""; "a"; "a.b"; "a.c"; "b.c.d" ]
let type_id = Gen.int_range 1 9
let payload = Gen.string_size ~gen:Gen.char (Gen.int_bound 40)

let frame =
  let open Gen in
  let small = int_bound 8 in
  frequency
    [
      ( 8,
        let* type_id = type_id and* topic = topic and* payload = payload in
        let* sequence = int_range 1 1000 and* redelivered = bool in
        return (publish ~topic ~redelivered ~type_id ~sequence payload) );
      (1, map addressee small);
      (1, map hold small);
      (1, map release small);
      ( 1,
        let* subscription_id = small and* type_id = type_id in
        let* first = int_range 1 500 and* frames = int_range 1 20 in
        let range = (type_id, frames, first, first + frames) in
        return (gap ~subscription_id [ range ]) );
      (1, map (fun id -> Frame.control Ping ~id "") small);
      (1, map (fun id -> Frame.control Cancel ~id "") small);
      ( 1,
        let* id = small and* payload = payload in
        let id = Int64.of_int id in
        return (Frame.data Request ~type_id:3 ~topic:"" ~id payload)
      );
      ( 1,
        let* id = small and* payload = payload in
        return
          (Frame.data Error_reply ~type_id:3 ~topic:"" ~id:(Int64.of_int id)
             payload) );
    ]

let stream = Gen.(map (String.concat "") (list_size (int_bound 30) frame))

let print_bytes text =
  String.concat ""
    (List.map
       (fun c -> Printf.sprintf "%02x" (Char.code c))
       (List.of_seq (String.to_seq text)))

(* --- The engine ----------------------------------------------------------- *)

(* One of each kind of subscription, a request that waits, something to be
   accepted. *)
let busy () =
  let t = opened () in
  ignore (subscribe t ~type_id:0 "all");
  ignore (subscribe t ~type_id:3 ~topic_filter:"a.*" "three");
  ignore (subscribe t ~type_id:0 ~group:"g" "member");
  ignore (subscribe t ~type_id:4 ~policy:Policy.latest "folded");
  ignore (subscribe t ~type_id:3 ~responder:true "responder");
  ignore
    (Engine.request t ~type_id:3 ~topic:"" ~deadline:infinity "q" ignore);
  ignore (Engine.publish t ~type_id:3 ~topic:"" "p");
  ignore (sent t);
  t

let what_comes_of pieces =
  let t = busy () in
  List.iter (feed t) pieces;
  let told = events t in
  let frames = sent t in
  ( told,
    List.map (fun { kind; id; body; _ } -> (Frame.name kind, id, body)) frames,
    Option.map Error.to_string (Engine.ended t) )

let rec cut text = function
  | [] -> [ text ]
  | at :: rest ->
      let at = at mod (String.length text + 1) in
      String.sub text 0 at
      :: cut (String.sub text at (String.length text - at)) rest

let stream_and_cuts =
  Gen.(pair stream (list_size (int_bound 12) (int_bound 200)))

let any_split_brings_the_same (text, cuts) =
  what_comes_of [ text ] = what_comes_of (cut text cuts)

let byte_by_byte_brings_the_same text =
  let byte index = String.make 1 text.[index] in
  let bytes = List.init (String.length text) byte in
  what_comes_of [ text ] = what_comes_of bytes

(* Some bytes of a good stream are other ones, or missing. *)
let spoiled =
  let open Gen in
  let* text = stream in
  let* spots = list_size (int_range 1 4) (pair (int_bound 2000) char) in
  let* length = int_bound (String.length text) in
  let bytes = Bytes.of_string text in
  List.iter
    (fun (at, byte) ->
      if Bytes.length bytes > 0 then
        Bytes.set bytes (at mod Bytes.length bytes) byte)
    spots;
  return (Bytes.sub_string bytes 0 (max length (Bytes.length bytes / 2)))

(* No exception; and if it ends, then with a protocol error or by CLOSE. *)
let any_bytes_at_most_end_it text =
  let t = busy () in
  feed t text;
  ignore (events t);
  (match Engine.ended t with
  | None -> ()
  | Some { cause = Unavailable | Resource_exhausted; _ } -> ()
  | Some why -> QCheck2.Test.fail_report (Error.to_string why));
  ignore (sent t);
  Engine.lost t ~now "cut";
  ignore (events t);
  true

let any_greeting_at_most_ends_it text =
  let t = Engine.make config in
  Engine.dialed t ~now ~greeting_deadline:infinity;
  feed t text;
  ignore (sent t);
  ignore (events t);
  true

(* --- The log of what was published ---------------------------------------- *)

type step = Publish of int | Write of int | Ack of int | Cut of bool

let step =
  let open Gen in
  frequency
    [
      (5, map (fun bytes -> Publish bytes) (int_bound 3000));
      (4, map (fun bytes -> Write bytes) (int_bound 100_000));
      (2, map (fun part -> Ack part) (int_bound 100));
      (1, map (fun resumed -> Cut resumed) bool);
    ]

let print_step = function
  | Publish bytes -> Printf.sprintf "publish %d" bytes
  | Write bytes -> Printf.sprintf "write %d" bytes
  | Ack part -> Printf.sprintf "ack %d%%" part
  | Cut resumed -> Printf.sprintf "cut, resumed %b" resumed

(* A broker that takes whole frames, and forgets everything at a cut that is not
   resumed. *)
type broker = {
  mutable partial : string;
  mutable accepted : int list; (* ids, the latest foremost *)
}

let take broker bytes =
  broker.partial <- broker.partial ^ bytes;
  let buffer = Bytes.of_string broker.partial in
  let rec frames first =
    match
      Frame.check ~frame_bytes_max:Frame.frame_bytes_ceiling buffer ~first
        ~limit:(Bytes.length buffer)
    with
    | Whole ->
        let id = Frame.sequence buffer first in
        (* One that is sent twice is not accepted again. *)
        if id > List.fold_left max 0 broker.accepted then
          broker.accepted <- id :: broker.accepted;
        frames (first + Frame.header_bytes + Frame.body_bytes buffer first)
    | Need_more _ -> first
    | Fault _ -> failwith "a bad frame"
  in
  let used = frames 0 in
  broker.partial <-
    String.sub broker.partial used (String.length broker.partial - used)

let last broker = List.fold_left max 0 broker.accepted

(* Every frame is accepted exactly once or given back; nothing is both given
   back as never written and accepted. *)
let every_frame_is_accounted_for steps =
  let log = Publish_log.make ~bytes_max:max_int in
  let broker = { partial = ""; accepted = [] } in
  let given_back = ref [] in
  let back { Publish_log.frames; _ } =
    List.iter
      (fun { Publish_log.payload; maybe_accepted; _ } ->
        let id = int_of_string (List.hd (String.split_on_char ' ' payload)) in
        given_back := (id, maybe_accepted) :: !given_back)
      frames
  in
  let rec write left =
    let piece, first, bytes = Publish_log.piece log in
    let step = min left bytes in
    if step > 0 then begin
      take broker (Bytes.sub_string piece first step);
      Publish_log.wrote log step;
      write (left - step)
    end
  in
  let connect resumed =
    broker.partial <- "";
    back (Publish_log.connected log ~resumed ~first:[])
  in
  connect None;
  let published = ref 0 in
  List.iter
    (function
      | Publish bytes ->
          incr published;
          let payload =
            Printf.sprintf "%d %s" !published (String.make bytes 'x')
          in
          let id = Publish_log.publish log ~type_id:7 ~topic:"t" payload in
          assert (id = !published)
      | Write bytes -> write bytes
      | Ack part ->
          let id = last broker * part / 100 in
          assert (Publish_log.accepted log id)
      | Cut resumed ->
          Publish_log.disconnected log;
          let last_id = last broker in
          assert (Publish_log.can_resume_after log last_id);
          connect (if resumed then Some last_id else None))
    steps;
  write max_int;
  let last_id = max (last broker) (Publish_log.settled_id log) in
  assert (Publish_log.accepted log last_id);
  Publish_log.disconnected log;
  back (Publish_log.give_back_all log);
  let is_once id =
    let accepted = List.length (List.filter (( = ) id) broker.accepted) in
    match List.assoc_opt id !given_back with
    | None -> accepted = 1
    | Some maybe_accepted -> accepted = 0 || (accepted = 1 && maybe_accepted)
  in
  List.for_all is_once (List.init !published (fun index -> index + 1))
  && Publish_log.frames_accepted log + Publish_log.frames_given_back log
     = !published
  && Publish_log.has_room log ~frame_bytes:1

(* --- The queue of a pulled subscription ----------------------------------- *)

type queue_step = Push of int * string * int | Pull

let queue_step =
  let open Gen in
  oneof
    [
      (let* type_id = int_range 1 2 and* topic = topic in
       let* bytes = int_bound 2000 in
       return (Push (type_id, topic, bytes)));
      return Pull;
    ]

let print_queue_step = function
  | Push (type_id, topic, bytes) ->
      Printf.sprintf "push %d/%s %d" type_id topic bytes
  | Pull -> "pull"

let queue_policy overflow =
  { Policy.queue_bytes_max = 4096; stall_ms_max = 0; overflow }

(* What comes out is what went in, in order, but for what gaps say exactly; and
   it stays within its bound. *)
let frames_and_gaps_add_up overflow steps =
  let queue = Item_queue.make (queue_policy overflow) in
  let pushed = ref 0 and pulled = ref 0 and missed = ref 0 in
  let last = ref 0 and in_order = ref true in
  let pull () =
    match Item_queue.pop queue with
    | None -> false
    | Some (Message { sequence; _ }) ->
        incr pulled;
        if sequence <= !last then in_order := false;
        last := sequence;
        true
    | Some (Gap gap) ->
        missed := !missed + Gap.frames gap;
        true
  in
  let bounded = ref true in
  List.iter
    (function
      | Push (type_id, topic, bytes) ->
          incr pushed;
          let item =
            Item.Message
              {
                type_id;
                topic;
                payload = String.make bytes 'x';
                sequence = !pushed;
                redelivered = false;
              }
          in
          if not (Item_queue.push queue item) then
            (match Item_queue.overflow queue item with
            | Ok () -> ()
            | Error why -> failwith (Error.to_string why));
          if Item_queue.bytes queue > 4096 then bounded := false
      | Pull -> ignore (pull ()))
    steps;
  while pull () do
    ()
  done;
  !pulled + !missed = !pushed
  && !in_order && !bounded
  && Item_queue.bytes queue = 0

let conflated_keeps_the_newest steps =
  let queue = Item_queue.make (queue_policy Conflate) in
  let newest = Hashtbl.create 8 in
  let sequence = ref 0 in
  List.iter
    (function
      | Pull -> ()
      | Push (type_id, topic, _) ->
          incr sequence;
          Hashtbl.replace newest (type_id, topic) !sequence;
          ignore
            (Item_queue.push queue
               (Message
                  {
                    type_id;
                    topic;
                    payload = "";
                    sequence = !sequence;
                    redelivered = false;
                  })))
    steps;
  let rec all () =
    match Item_queue.pop queue with
    | None -> []
    | Some (Gap _) -> all ()
    | Some (Message { sequence; _ }) -> sequence :: all ()
  in
  let expected =
    Hashtbl.fold (fun _ sequence all -> sequence :: all) newest []
  in
  all () = List.sort compare expected

let print_list print steps = String.concat "; " (List.map print steps)

let () =
  Printf.printf "QCHECK_SEED=%d\n%!" seed;
  let steps = Gen.(list_size (int_bound 60) step) in
  let queue_steps = Gen.(list_size (int_bound 80) queue_step) in
  let print_stream (text, _) = print_bytes text in
  Alcotest.run "properties"
    [
      ( "the engine",
        [
          test "any split brings the same" stream_and_cuts print_stream
            any_split_brings_the_same;
          test "byte by byte brings the same" stream print_bytes
            byte_by_byte_brings_the_same;
          test "spoiled bytes at most end it" ~count:3000 spoiled print_bytes
            any_bytes_at_most_end_it;
          test "any bytes at most end it" Gen.string print_bytes
            any_bytes_at_most_end_it;
          test "any greeting at most ends it" Gen.string print_bytes
            any_greeting_at_most_ends_it;
        ] );
      ( "the log",
        [
          test "every frame is accepted once or given back" ~count:1000 steps
            (print_list print_step) every_frame_is_accounted_for;
        ] );
      ( "the queue",
        [
          test "frames and gaps add up" ~count:1000 queue_steps
            (print_list print_queue_step)
            (frames_and_gaps_add_up Gap);
          test "conflated, they add up, too" ~count:1000 queue_steps
            (print_list print_queue_step)
            (frames_and_gaps_add_up Conflate);
          test "conflated, the newest is kept" queue_steps
            (print_list print_queue_step) conflated_keeps_the_newest;
        ] );
    ]
