type 'a t = {
  type_id : int;
  fingerprint : string;
  schema : Schema.t;
  codec : 'a Codec.t;
}

let make ~type_id ~fingerprint ~schema codec =
  { type_id; fingerprint; schema; codec }

let name message = Codec.name message.codec
let encode message value = Codec.encode message.codec value
let decode message bytes = Codec.decode message.codec bytes
