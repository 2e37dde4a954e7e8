type t = { digest : string; descriptor_set : string }

let digest_bytes = 32
let known = Atomic.make []

let rec remember schema =
  let others = Atomic.get known in
  if not (Atomic.compare_and_set known others (schema :: others)) then
    remember schema

let find digest =
  List.find_opt
    (fun schema -> String.equal schema.digest digest)
    (Atomic.get known)

let make ~digest ~descriptor_set =
  let bytes = String.length digest in
  if bytes <> digest_bytes then
    invalid_arg
      (Printf.sprintf "schema digest: %d bytes, allowed %d" bytes digest_bytes);
  let schema = { digest; descriptor_set } in
  remember schema;
  schema

let digest_text digest =
  let hex byte = Printf.sprintf "%02x" (Char.code byte) in
  "m1:" ^ String.concat "" (List.map hex (List.of_seq (String.to_seq digest)))
