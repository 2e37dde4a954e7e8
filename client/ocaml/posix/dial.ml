(* Connects to a broker's socket, within a time. *)

module Error = Mycelium_engine.Error
module Url = Mycelium_engine.Url

let ( let* ) = Result.bind

let failed url cause fmt =
  Printf.ksprintf (fun why -> Error.fail cause "connect %s: %s" url why) fmt

let absent url why =
  failed url Unavailable "%s; start one with: mycelium-brokerd --listen %s" why
    url

let too_late url = failed url Deadline_exceeded "no answer before the deadline"

let is_socket path =
  match Unix.stat path with
  | { st_kind = S_SOCK; _ } -> true
  | _ | (exception Unix.Unix_error _) -> false

let denied url path =
  match Unix.stat path with
  | { st_perm; st_gid; _ } ->
      failed url Permission_denied
        "permission denied, the socket has mode %04o and group %d" st_perm
        st_gid
  | exception Unix.Unix_error _ ->
      failed url Permission_denied
        "permission denied, a folder on the way is closed to this user"

let fault url (place : Url.t) (error : Unix.error) =
  match (place, error) with
  | Unix_socket _, ENOENT -> absent url "no such file"
  | Unix_socket path, ECONNREFUSED when is_socket path ->
      absent url "nobody listens there any more, the socket file is left over"
  | Unix_socket _, (ECONNREFUSED | ENOTSOCK) ->
      failed url Unavailable "not a socket"
  | Unix_socket path, (EACCES | EPERM) -> denied url path
  | Tcp _, ECONNREFUSED -> absent url "refused, nobody listens there"
  | Tcp _, (EACCES | EPERM) ->
      failed url Permission_denied "%s" (Unix.error_message error)
  | _, (EMFILE | ENFILE) ->
      failed url Resource_exhausted "%s" (Unix.error_message error)
  | _, ETIMEDOUT -> too_late url
  | (Unix_socket _ | Tcp _), _ ->
      failed url Unavailable "%s" (Unix.error_message error)

let addresses url : Url.t -> (Unix.sockaddr list, Error.t) result = function
  | Unix_socket path -> Ok [ ADDR_UNIX path ]
  | Tcp { host; port } -> (
      let found =
        Unix.getaddrinfo host (string_of_int port)
          [ AI_SOCKTYPE SOCK_STREAM ]
      in
      match found with
      | [] -> failed url Unavailable "no address of host %S is known" host
      | found -> Ok (List.map (fun { Unix.ai_addr; _ } -> ai_addr) found))

(* Until the socket is connected, or is not. *)
let rec await url place socket ~deadline =
  let left_s = Float.max 0. (deadline -. Clock.now ()) in
  match Unix.select [] [ socket ] [] left_s with
  | _, [], _ -> too_late url
  | _, _ :: _, _ -> (
      match Unix.getsockopt_error socket with
      | None -> Ok ()
      | Some error -> fault url place error)
  | exception Unix.Unix_error (EINTR, _, _) ->
      await url place socket ~deadline

(* How long to wait for a Unix socket whose backlog is full. *)
let full_wait_s = 0.005

let rec connect url place socket address ~deadline =
  match Unix.connect socket address with
  | () -> Ok ()
  | exception Unix.Unix_error ((EINPROGRESS | EINTR), _, _) ->
      await url place socket ~deadline
  | exception Unix.Unix_error ((EAGAIN | EWOULDBLOCK), _, _) ->
      if Clock.now () +. full_wait_s > deadline then too_late url
      else begin
        Thread.delay full_wait_s;
        connect url place socket address ~deadline
      end
  | exception Unix.Unix_error (error, _, _) -> fault url place error

(* [Unix.select] takes no descriptor above 1023. *)
let check_descriptor url socket =
  match Unix.select [ socket ] [] [] 0. with
  | _ -> Ok ()
  | exception Unix.Unix_error (EINVAL, _, _) ->
      failed url Resource_exhausted
        "1024 files are open, allowed fewer before this one"
  | exception Unix.Unix_error (EINTR, _, _) -> Ok ()

let open_socket url place address ~deadline =
  match
    Unix.socket ~cloexec:true
      (Unix.domain_of_sockaddr address)
      SOCK_STREAM 0
  with
  | exception Unix.Unix_error (error, _, _) -> fault url place error
  | socket -> (
      Unix.set_nonblock socket;
      let connected =
        let* () = check_descriptor url socket in
        connect url place socket address ~deadline
      in
      match connected with
      | Ok () ->
          (match address with
          | ADDR_INET _ -> Unix.setsockopt socket TCP_NODELAY true
          | ADDR_UNIX _ -> ());
          Ok socket
      | Error _ as error ->
          Unix.close socket;
          error)

let dial url place ~deadline =
  let rec first_of last = function
    | [] -> last
    | address :: rest -> (
        match open_socket url place address ~deadline with
        | Ok _ as socket -> socket
        | Error _ as error -> first_of error rest)
  in
  let* addresses = addresses url place in
  first_of (absent url "no address") addresses
