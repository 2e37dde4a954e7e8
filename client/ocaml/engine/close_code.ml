open Mycelium_control

type t = Code.t

let name = function
  | Code.Unrecognized number -> string_of_int number
  | code -> Format.asprintf "%a" Code.pp code

let is_final : t -> bool = function
  | CODE_PROTOCOL | CODE_VERSION | CODE_FRAME_TOO_LARGE | CODE_SLOW_CONSUMER
  | CODE_INVALID_ARGUMENT | CODE_SCHEMA | CODE_DENIED | CODE_UNSUPPORTED
  | CODE_TAKEN_OVER ->
      true
  | CODE_OK | CODE_GOING_AWAY | CODE_HELLO_TIMEOUT | CODE_IDLE_TIMEOUT
  | CODE_TOO_MANY_SESSIONS | CODE_TOO_MANY_SUBSCRIPTIONS | CODE_INTERNAL
  | Unrecognized _ ->
      false

let cause : t -> Error.cause = function
  | CODE_VERSION | CODE_SCHEMA -> Failed_precondition
  | CODE_FRAME_TOO_LARGE | CODE_INVALID_ARGUMENT -> Invalid_argument
  | CODE_TOO_MANY_SESSIONS | CODE_TOO_MANY_SUBSCRIPTIONS -> Resource_exhausted
  | CODE_DENIED -> Permission_denied
  | CODE_PROTOCOL | CODE_INTERNAL -> Internal
  | CODE_UNSUPPORTED -> Unimplemented
  | CODE_TAKEN_OVER -> Aborted
  | CODE_OK | CODE_GOING_AWAY | CODE_HELLO_TIMEOUT | CODE_IDLE_TIMEOUT
  | CODE_SLOW_CONSUMER ->
      Unavailable
  | Unrecognized _ -> Unknown
