module Control = Mycelium_control

let version_major = 1

let hello ~name ~schema_digest ~instance_id ~last_epoch ~last_session_id =
  Frame.control Hello
    (Control.Hello.encode
       (Control.Hello.make ~version_major ~name ~schema_digest ~instance_id
          ~last_epoch ~last_session_id ()))

let schema { Mycelium_wire.Schema.digest; descriptor_set } =
  Frame.control Schema
    (Control.Schema.encode
       (Control.Schema.make ~schema_digest:digest ~descriptor_set ()))

let policy { Policy.queue_bytes_max; stall_ms_max; overflow } =
  let overflow =
    match overflow with
    | Gap -> Control.Overflow.OVERFLOW_GAP
    | Conflate -> Control.Overflow.OVERFLOW_CONFLATE
    | Disconnect -> Control.Overflow.OVERFLOW_DISCONNECT
  in
  Control.Policy.make
    ~queue_bytes_max:(Int64.of_int queue_bytes_max)
    ~stall_ms_max:(Int64.of_int stall_ms_max)
    ~overflow ()

let start : Start.t -> Control.Start.t option =
  let from from = Some (Control.Start.make ~from ()) in
  function
  | Now -> None
  | Last frames -> from (Last frames)
  | Sequence sequence -> from (Sequence (Int64.of_int sequence))
  | Time time_s -> from (Time_unix_ms (Int64.of_float (time_s *. 1000.)))

let resume { Progress.epoch; session_id; frames; seen } =
  let type_sequence (type_id, sequence) =
    Control.TypeSequence.make ~type_id ~sequence:(Int64.of_int sequence) ()
  in
  Control.Resume.make ~epoch ~session_id ~frames:(Int64.of_int frames)
    ~seen:(List.map type_sequence seen)
    ()

let subscribe ~request ~subscription_id (options : Subscriptions.options)
    resumed =
  let start = if resumed = None then start options.start else None in
  Frame.control Subscribe ~id:request
    (Control.Subscribe.encode
       (Control.Subscribe.make ~subscription_id ~type_id:options.type_id
          ~topic_filter:(Topic.text options.filter)
          ~policy:(policy options.policy) ~group:options.group
          ~responder:options.responder ?start
          ?resume:(Option.map resume resumed)
          ()))

let unsubscribe ~request ~subscription_id =
  Frame.control Unsubscribe ~id:request
    (Control.Unsubscribe.encode (Control.Unsubscribe.make ~subscription_id ()))

let ack ~subscription_id ~frames =
  Frame.control Ack
    (Control.Ack.encode
       (Control.Ack.make ~subscription_id ~frames:(Int64.of_int frames) ()))

let close code reason =
  Frame.control Close
    (Control.Close.encode (Control.Close.make ~code ~reason ()))

let reason : Control.GapReason.t -> Gap.reason = function
  | GAP_REASON_OVERFLOW -> Overflow
  | GAP_REASON_CONFLATED -> Conflated
  | GAP_REASON_RECONNECT -> Reconnect
  | GAP_REASON_MEMORY -> Memory
  | GAP_REASON_DEADLOCK -> Deadlock
  | GAP_REASON_UNSPECIFIED | Unrecognized _ -> Unspecified

let range { Control.Gap.Range.type_id; frames; first_sequence; last_sequence }
    =
  {
    Gap.type_id;
    frames = Int64.to_int frames;
    first_sequence = Int64.to_int first_sequence;
    last_sequence = Int64.to_int last_sequence;
  }

let gap (body : Control.Gap.t) =
  {
    Gap.reason = reason body.reason;
    ranges = List.map range body.ranges;
    unknown = body.unknown;
  }
