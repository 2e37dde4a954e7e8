(** Connects to a broker's socket.  Any thread may. *)

val dial :
  string ->
  Mycelium_engine.Url.t ->
  deadline:float ->
  (Unix.file_descr, Mycelium_engine.Error.t) result
(** [dial url place ~deadline]: a non-blocking socket, closed by its owner.  The
    error names the url.  How long a host name is looked up is the system's
    choice. *)
