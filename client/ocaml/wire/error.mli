(** Why bytes are not a message.

    Plain data: any thread may use it. *)

type fault =
  | Cut_short  (** the bytes end within a value *)
  | Varint_too_long of int  (** more than these bytes, which are allowed *)
  | Length of { bytes : int; left : int }
      (** a length, and how many bytes there are behind it *)
  | Invalid_utf8  (** a [string] that is not UTF-8 *)
  | Field_number_0
  | Wire_type of int  (** allowed are 0 to 5 *)
  | Group_end  (** of a group that has not begun *)
  | Too_deep of int  (** nested deeper than these levels, which are allowed *)

type t = {
  message : string;  (** full name, ["chat.TextMessage"] *)
  field : string;
      (** its name; its number, if the message has no such field; empty: the
          fault is not within a field *)
  offset : int;  (** in bytes from the start of what was to be decoded *)
  fault : fault;
}

val pp : Format.formatter -> t -> unit
(** In one line that shows nothing of the bytes, such as
    {v chat.TextMessage.content: invalid UTF-8 at byte 7, allowed UTF-8 v} *)

val to_string : t -> string
(** The same. *)
