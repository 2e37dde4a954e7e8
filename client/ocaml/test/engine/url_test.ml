(* Where a broker is, and where it is looked for. *)

open Mycelium_engine

let test name f = Alcotest.test_case name `Quick f
let string where = Alcotest.(check string) where

let words url =
  match Url.parse url with
  | Ok (Unix_socket path) -> "unix " ^ path
  | Ok (Tcp { host; port }) -> Printf.sprintf "tcp %s %d" host port
  | Error { message; _ } -> message

let good () =
  List.iter
    (fun (url, expected) -> string url expected (words url))
    [
      ("unix:/run/mycelium/brokerd.sock", "unix /run/mycelium/brokerd.sock");
      ("tcp://localhost:6940", "tcp localhost 6940");
      ("tcp://127.0.0.1:1", "tcp 127.0.0.1 1");
      ("tcp://[::1]:65535", "tcp ::1 65535");
    ]

let bad () =
  let allowed = "allowed unix:/absolute/path, tcp://host:port" in
  List.iter
    (fun (url, why) ->
      string url (Printf.sprintf "connect: url %S: %s" url why) (words url))
    [
      ("", allowed);
      ("http://x", allowed);
      ("unix:relative", allowed);
      ("unix:/a\nb", "allowed UTF-8 without control characters");
      ("unix:/\xff", "allowed UTF-8 without control characters");
      ( "unix:/" ^ String.make 107 'a',
        "path of 108 bytes, allowed at most 107" );
      ("tcp://host", "allowed tcp://host:port");
      ("tcp://:1", "allowed tcp://host:port, tcp://[::1]:port");
      ("tcp://::1:1", "allowed tcp://host:port, tcp://[::1]:port");
      ("tcp://host:0", "port \"0\", allowed 1 to 65535");
      ("tcp://host:65536", "port \"65536\", allowed 1 to 65535");
      ("tcp://host:0x10", "port \"0x10\", allowed 1 to 65535");
    ]

let default ?(variables = []) ?(uid = 1000) ?(there = []) () =
  Url.default
    ~getenv:(fun name -> List.assoc_opt name variables)
    ~uid
    ~exists:(fun path -> List.mem path there)

let defaults () =
  let machine = "/run/mycelium/brokerd.sock" in
  let user = [ ("XDG_RUNTIME_DIR", "/run/user/1000") ] in
  let own = "/run/user/1000/mycelium/brokerd.sock" in
  string "what is said" "tcp://a:1"
    (default ~variables:[ ("MYCELIUM_URL", "tcp://a:1") ] ());
  string "an empty one says nothing" ("unix:" ^ own)
    (default ~variables:(("MYCELIUM_URL", "") :: user) ());
  string "the user's own" ("unix:" ^ own)
    (default ~variables:user ~there:[ own; machine ] ());
  string "the machine's" ("unix:" ^ machine)
    (default ~variables:user ~there:[ machine ] ());
  string "root" ("unix:" ^ machine) (default ~variables:user ~uid:0 ());
  string "no runtime directory" "unix:/tmp/mycelium-1000/brokerd.sock"
    (default ());
  string "a relative one" "unix:/tmp/mycelium-1000/brokerd.sock"
    (default ~variables:[ ("XDG_RUNTIME_DIR", "run") ] ())

let () =
  Alcotest.run "url"
    [
      ( "url",
        [ test "good" good; test "bad" bad; test "defaults" defaults ] );
    ]
