(** The entries of maps, as generated code reads and writes them.  A map is an
    association list in the order of its keys, each of which is there once.

    Threads: as for the reader and the writer. *)

(** {1 Reading}

    One entry.  A key or value that is not there is the default. *)

val read : Reader.t -> 'k Scalar.t -> 'v Scalar.t -> 'k * 'v

val read_message : Reader.t -> 'k Scalar.t -> (Reader.t -> 'v) -> 'k * 'v

val of_occurrences : 'k Scalar.t -> ('k * 'v) list -> ('k * 'v) list
(** The map of entries of which the last one is foremost.  Of several with one
    key the last one is taken. *)

(** {1 Writing}

    The list may be in any order; of several with one key the last one is taken.

    @raise Invalid_argument as {!Scalar.write} does. *)

val write :
  Writer.t ->
  Fields.t ->
  int ->
  'k Scalar.t ->
  'v Scalar.t ->
  ('k * 'v) list ->
  unit

val write_messages :
  Writer.t ->
  Fields.t ->
  int ->
  'k Scalar.t ->
  (Writer.t -> 'v -> unit) ->
  ('k * 'v) list ->
  unit

(** {1 Comparing} *)

val equal :
  'k Scalar.t -> ('v -> 'v -> bool) -> ('k * 'v) list -> ('k * 'v) list -> bool
(** Whether they are the same map, whatever their order. *)
