(** What a client checks of its user's arguments before anything is sent. *)

val frame :
  subject:string ->
  type_id:int ->
  topic:string ->
  payload_bytes:int ->
  frame_bytes_max:int ->
  (unit, Error.t) result
(** [subject] is ["publish"] or ["request"]. *)

val subscription :
  type_id:int ->
  topic_filter:string ->
  policy:Policy.t ->
  group:string ->
  start:Start.t ->
  responder:bool ->
  (Subscriptions.options, Error.t) result

val client :
  name:string -> instance_id:string -> (unit, Error.t) result
(** [instance_id] may be empty. *)
