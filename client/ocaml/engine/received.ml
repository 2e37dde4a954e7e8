type t = {
  type_id : int;
  topic : string;
  payload : string;
  sequence : int;
  redelivered : bool;
}

let frame_bytes { topic; payload; _ } =
  Frame.header_bytes + String.length topic + String.length payload
