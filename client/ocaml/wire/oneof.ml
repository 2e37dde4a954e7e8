type 'a t =
  | Absent
  | Value of 'a
  | Message of {
      tag : int;
      occurrences : Reader.occurrences;
      finish : Reader.occurrences -> 'a;
    }

let absent = Absent

let finish = function
  | Absent -> None
  | Value value -> Some value
  | Message { occurrences; finish; _ } -> Some (finish occurrences)

(* What another field replaces has to be well-formed all the same. *)
let value value replaced =
  ignore (finish replaced);
  Value value

let message r read make state =
  let tag = Reader.tag r in
  let earlier =
    match state with
    | Message message when message.tag = tag -> message.occurrences
    | replaced ->
        ignore (finish replaced);
        Reader.none
  in
  let occurrences = Reader.occurrence r earlier in
  let finish occurrences = make (Reader.merged r read occurrences) in
  Message { tag; occurrences; finish }
