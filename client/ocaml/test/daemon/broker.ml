type t = {
  folder : string;
  config : string;
  mutable pid : int; (* 0: none runs *)
  mutable tcp_url : string; (* with port 0, until it has one *)
}

let deadline_s = 30.

let until what condition =
  let deadline = Unix.gettimeofday () +. deadline_s in
  let rec look () =
    if not (condition ()) then
      if Unix.gettimeofday () > deadline then
        failwith (Printf.sprintf "not within %.0f s: %s" deadline_s what)
      else begin
        Thread.delay 0.001;
        look ()
      end
  in
  look ()

let program_of variable =
  match Sys.getenv_opt variable with
  | Some path -> path
  | None -> failwith (variable ^ " is not set: the path of the program")

let path t name = Filename.concat t.folder name
let unix_url t = "unix:" ^ path t "s"
let tcp_url t = t.tcp_url
let urls t = [ ("unix", unix_url t); ("tcp", tcp_url t) ]
let folder t = t.folder

let read_file name =
  let channel = open_in_bin name in
  let text = really_input_string channel (in_channel_length channel) in
  close_in channel;
  text

let write_file name text =
  let channel = open_out_bin name in
  output_string channel text;
  close_out channel

let listening = "listening on tcp://"

(* What the log says, without its date. *)
let find_tcp_url log =
  let rec at index =
    if index + String.length listening > String.length log then None
    else if String.sub log index (String.length listening) = listening then
      let first = index + String.length "listening on " in
      Option.map
        (fun limit -> String.sub log first (limit - first))
        (String.index_from_opt log first '\n')
    else at (index + 1)
  in
  at 0

let open_log t =
  Unix.openfile (path t "log") [ O_WRONLY; O_CREAT; O_TRUNC; O_CLOEXEC ] 0o600

let run t =
  let log = open_log t in
  t.pid <-
    Unix.create_process
      (program_of "MYCELIUM_BROKERD")
      [|
        "mycelium-brokerd";
        "--config=" ^ path t "config";
        Printf.sprintf "--listen=%s,%s" (unix_url t) t.tcp_url;
      |]
      Unix.stdin log log;
  Unix.close log;
  let url = ref None in
  until "the broker listens" (fun () ->
      url := find_tcp_url (read_file (path t "log"));
      !url <> None);
  t.tcp_url <- Option.get !url

let end_with t signal =
  if t.pid <> 0 then begin
    Unix.kill t.pid signal;
    ignore (Unix.waitpid [] t.pid);
    t.pid <- 0
  end

let kill t = end_with t Sys.sigkill
let restart t = run t

let remove t =
  Array.iter (fun name -> Sys.remove (path t name)) (Sys.readdir t.folder);
  Unix.rmdir t.folder

let with_broker ?(config = "") f =
  let folder = Filename.temp_file ~temp_dir:"/var/tmp" "m" "" in
  Sys.remove folder;
  Unix.mkdir folder 0o700;
  let config = "schema { open: true }\n" ^ config in
  let t = { folder; config; pid = 0; tcp_url = "tcp://127.0.0.1:0" } in
  write_file (path t "config") t.config;
  Fun.protect
    (fun () ->
      run t;
      f t)
    ~finally:(fun () ->
      end_with t Sys.sigterm;
      remove t)

let stderr_of f =
  let name = Filename.temp_file "mycelium" "stderr" in
  let file = Unix.openfile name [ O_WRONLY; O_TRUNC; O_CLOEXEC ] 0o600 in
  let own = Unix.dup ~cloexec:true Unix.stderr in
  flush stderr;
  Unix.dup2 file Unix.stderr;
  Fun.protect f ~finally:(fun () ->
      flush stderr;
      Unix.dup2 own Unix.stderr;
      Unix.close own;
      Unix.close file);
  let channel = open_in_bin name in
  let text = really_input_string channel (in_channel_length channel) in
  close_in channel;
  Sys.remove name;
  text

(* Other programs *)

type program = { pid : int; output : in_channel }

let start_with environment command =
  let reader, writer = Unix.pipe ~cloexec:true () in
  let pid =
    Unix.create_process_env (List.hd command) (Array.of_list command)
      (Array.append environment (Unix.environment ()))
      Unix.stdin writer Unix.stderr
  in
  Unix.close writer;
  { pid; output = Unix.in_channel_of_descr reader }

let start = start_with [||]

let tool t arguments =
  start_with
    [| "MYCELIUM_URL=" ^ unix_url t |]
    (program_of "MYCELIUM_TOOL" :: arguments)

let peer arguments =
  start
    (Filename.concat (Filename.dirname Sys.executable_name) "peer.exe"
    :: arguments)

let line program =
  match input_line program.output with
  | line -> line
  | exception End_of_file -> failwith "the program's output has ended"

let signal program number = Unix.kill program.pid number

let finish program =
  let rec lines () =
    match input_line program.output with
    | line -> line :: lines ()
    | exception End_of_file -> []
  in
  let lines = lines () in
  close_in program.output;
  match Unix.waitpid [] program.pid with
  | _, WEXITED code -> (lines, code)
  | _, (WSIGNALED _ | WSTOPPED _) -> (lines, -1)
