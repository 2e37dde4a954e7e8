(** The control frames that a client sends, and what it makes of the bodies that
    it gets.  Pure. *)

val version_major : int
(** Of this protocol: 1. *)

val hello :
  name:string ->
  schema_digest:string ->
  instance_id:string ->
  last_epoch:int64 ->
  last_session_id:int ->
  string

val schema : Mycelium_wire.Schema.t -> string

val subscribe :
  request:int ->
  subscription_id:int ->
  Subscriptions.options ->
  Progress.resume option ->
  string

val unsubscribe : request:int -> subscription_id:int -> string

val ack : subscription_id:int -> frames:int -> string
(** Of a member of a group. *)

val close : Close_code.t -> string -> string
(** With a reason. *)

val gap : Mycelium_control.Gap.t -> Gap.t
