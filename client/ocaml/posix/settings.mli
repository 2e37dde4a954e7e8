(** What a client is told when it connects, with the defaults. *)

type t = {
  url : Mycelium_engine.Url.t;
  config : Mycelium_engine.Engine.config;
  timeout_s : float;  (** for the connection and WELCOME *)
}

val make :
  ?url:string ->
  ?schema:Mycelium_wire.Schema.t ->
  ?name:string ->
  ?timeout_s:float ->
  ?publish_bytes_max:int ->
  ?reconnect:bool ->
  ?reconnect_min_s:float ->
  ?reconnect_max_s:float ->
  ?instance_id:string ->
  gives_back:bool ->
  unit ->
  (t, Mycelium_engine.Error.t) result
(** Without [url]: [$MYCELIUM_URL], or the default socket. *)
