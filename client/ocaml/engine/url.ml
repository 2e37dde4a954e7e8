type t = Unix_socket of string | Tcp of { host : string; port : int }

let path_bytes_max = 107 (* sockaddr_un's, with a NUL byte behind it *)

let refused url fmt =
  Printf.ksprintf
    (fun why -> Error.fail Invalid_argument "connect: url %S: %s" url why)
    fmt

let is_plain text =
  String.for_all (fun c -> Char.code c >= 0x20 && c <> '\x7f') text
  && Mycelium_wire.Utf8.first_invalid text 0 (String.length text) < 0

let after prefix text =
  let bytes = String.length prefix in
  String.sub text bytes (String.length text - bytes)

let port_of digits =
  let is_digit c = c >= '0' && c <= '9' in
  if digits <> "" && String.length digits <= 5 && String.for_all is_digit digits
  then
    match int_of_string_opt ("0u" ^ digits) with
    | Some port when port >= 1 && port <= 65535 -> Some port
    | Some _ | None -> None
  else None

(* [[::1]] is ::1. *)
let host_of text =
  let bytes = String.length text in
  if bytes > 2 && text.[0] = '[' && text.[bytes - 1] = ']' then
    Some (String.sub text 1 (bytes - 2))
  else if text = "" || String.contains text ':' || String.contains text '['
  then None
  else Some text

let parse_tcp url rest =
  match String.rindex_opt rest ':' with
  | None -> refused url "allowed tcp://host:port"
  | Some colon -> (
      let digits =
        String.sub rest (colon + 1) (String.length rest - colon - 1)
      in
      match (host_of (String.sub rest 0 colon), port_of digits) with
      | Some host, Some port -> Ok (Tcp { host; port })
      | None, _ -> refused url "allowed tcp://host:port, tcp://[::1]:port"
      | Some _, None -> refused url "port %S, allowed 1 to 65535" digits)

let parse url =
  if not (is_plain url) then
    refused url "allowed UTF-8 without control characters"
  else if String.starts_with ~prefix:"tcp://" url then
    parse_tcp url (after "tcp://" url)
  else if String.starts_with ~prefix:"unix:/" url then
    let path = after "unix:" url in
    let bytes = String.length path in
    if bytes <= path_bytes_max then Ok (Unix_socket path)
    else refused url "path of %d bytes, allowed at most %d" bytes path_bytes_max
  else refused url "allowed unix:/absolute/path, tcp://host:port"

let machine_path = "/run/mycelium/brokerd.sock"

let user_path ~getenv ~uid =
  match getenv "XDG_RUNTIME_DIR" with
  | _ when uid = 0 -> machine_path
  | Some folder when String.starts_with ~prefix:"/" folder ->
      Filename.concat folder "mycelium/brokerd.sock"
  | Some _ | None -> Printf.sprintf "/tmp/mycelium-%d/brokerd.sock" uid

let default ~getenv ~uid ~exists =
  match getenv "MYCELIUM_URL" with
  | Some url when url <> "" -> url
  | Some _ | None ->
      let own = user_path ~getenv ~uid in
      let path =
        if (not (exists own)) && exists machine_path then machine_path else own
      in
      "unix:" ^ path
