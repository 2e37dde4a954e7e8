type t = { digest : string; descriptor_set : string }

let digest_bytes = 32

let make ~digest ~descriptor_set =
  let bytes = String.length digest in
  if bytes <> digest_bytes then
    invalid_arg
      (Printf.sprintf "schema digest: %d bytes, allowed %d" bytes digest_bytes);
  { digest; descriptor_set }

let digest_text digest =
  let hex byte = Printf.sprintf "%02x" (Char.code byte) in
  "m1:" ^ String.concat "" (List.map hex (List.of_seq (String.to_seq digest)))
