(** A schema: the message types of all files of one call of protoc.  Programs
    with the same digest mean the same by the same bytes.

    Immutable: any thread may use it. *)

type t = private {
  digest : string;  (** SHA-256 of the schema's canonical form, 32 bytes *)
  descriptor_set : string;
      (** a serialized [google.protobuf.FileDescriptorSet], for a broker that
          does not know the digest *)
}

val digest_bytes : int
(** 32. *)

val make : digest:string -> descriptor_set:string -> t
(** @raise Invalid_argument if the digest has not 32 bytes. *)

val find : string -> t option
(** By its digest, among those that generated modules of this program have
    made. *)

val digest_text : string -> string
(** How a digest or a fingerprint is shown: ["m1:"], the algorithm, and 64 hex
    digits. *)
