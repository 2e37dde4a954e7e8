module Wire = Mycelium_wire

let ( let* ) = Result.bind

type 'a message_type = 'a Wire.Message.t

let check ~subject schema (message_type : 'a message_type) =
  let own = message_type.schema in
  match schema with
  | Some (schema : Wire.Schema.t)
    when schema == own || String.equal schema.digest own.digest ->
      Ok ()
  | Some schema ->
      Error.fail Failed_precondition
        "%s: %s is of the schema %s, the client has connected with %s" subject
        (Wire.Message.name message_type)
        (Wire.Schema.digest_text own.digest)
        (Wire.Schema.digest_text schema.digest)
  | None ->
      Error.fail Failed_precondition
        "%s: %s needs a schema, the client has connected without one" subject
        (Wire.Message.name message_type)

let encode ~subject message_type value =
  match Wire.Message.encode message_type value with
  | bytes -> Ok bytes
  | exception Invalid_argument why ->
      Error.fail Invalid_argument "%s: %s" subject why

type 'a item = Message of 'a * Received.t | Gap of Gap.t

let decode message_type : Item.t -> 'a item = function
  | Gap gap -> Gap gap
  | Message ({ Received.type_id; payload; sequence; _ } as received) -> (
      match Wire.Message.decode message_type payload with
      | Ok value -> Message (value, received)
      | Error (_ : Wire.Error.t) ->
          Gap (Gap.of_frame Malformed ~type_id ~sequence))

let payload : Item.t -> string item = function
  | Gap gap -> Gap gap
  | Message received -> Message (received.payload, received)

let decode_as ~subject cause message_type { Received.type_id; payload; _ } =
  let* () =
    if type_id = message_type.Wire.Message.type_id then Ok ()
    else
      Error.fail Invalid_argument "%s of type %d, expected %s (type %d)" subject
        type_id
        (Wire.Message.name message_type)
        message_type.type_id
  in
  Result.map_error
    (fun why ->
      Error.make cause "%s of %d bytes: %s" subject (String.length payload)
        (Wire.Error.to_string why))
    (Wire.Message.decode message_type payload)

let decode_reply message_type received =
  decode_as ~subject:"request: a reply" Data_loss message_type received

let decode_request message_type received =
  decode_as ~subject:"respond: a request" Invalid_argument message_type received
