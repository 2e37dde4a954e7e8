type t = Greeting | Schema_asked | Open | Closed

let next state (kind : Frame.kind) =
  match (state, kind) with
  | (Greeting | Schema_asked), Welcome -> Some Open
  | Greeting, Schema -> Some Schema_asked
  | (Greeting | Schema_asked | Open), Close -> Some Closed
  | Open, (Publish | Redelivered | Request | Reply | Error_reply)
  | Open, (Subscribed | Unsubscribed | Gap | Ack | Hold | Release | Flushed)
  | Open, (Ping | Pong | Admin | Cancel | Addressee) ->
      Some Open
  | Open, (Hello | Welcome | Subscribe | Unsubscribe | Flush | Schema) -> None
  | (Greeting | Schema_asked | Closed), _ -> None

let forbidden state kind =
  let name = Frame.name kind in
  match state with
  | Greeting ->
      Printf.sprintf
        "protocol: %s, allowed WELCOME, SCHEMA or CLOSE before WELCOME" name
  | Schema_asked ->
      Printf.sprintf "protocol: %s, allowed WELCOME or CLOSE after SCHEMA" name
  | Open -> Printf.sprintf "protocol: %s, not from a broker to a client" name
  | Closed -> Printf.sprintf "protocol: %s after CLOSE" name

let on_frame state kind =
  match next state kind with
  | Some state -> Ok state
  | None -> Error (forbidden state kind)

let takes_data state = state = Open
