(* Made by protoc-gen-mycelium of mycelium_protocol.proto: do not edit. *)

module Wire = Mycelium_wire

(* m1:4a43e4d4142db1c8e4ba330ae14667c938e72be8a85e6d78411b5c19f783b173 *)
let schema_digest =
  "\x4a\x43\xe4\xd4\x14\x2d\xb1\xc8\xe4\xba\x33\x0a\xe1\x46\x67\xc9\x38\
   \xe7\x2b\xe8\xa8\x5e\x6d\x78\x41\x1b\x5c\x19\xf7\x83\xb1\x73"

let schema =
  Wire.Schema.make ~digest:schema_digest ~descriptor_set:
    "\010\214\001\010\023mycelium_protocol.proto\018\004chat\"c\010\011TextM\
     essage\018\022\010\006sender\024\001 \001(\009R\006sender\018\024\010\
     \007content\024\002 \001(\009R\007content\018\028\010\009timestamp\024\
     \003 \001(\003R\009timestamp:\004\240\161\025\001\"$\010\008Question\
     \018\018\010\004text\024\001 \001(\009R\004text:\004\240\161\025\002\"\
     \"\010\006Answer\018\018\010\004text\024\001 \001(\009R\004text:\004\
     \240\161\025\003b\006proto3"

module TextMessage = struct
  type t = { sender : string; content : string; timestamp : int64 }

  let default : t = { sender = ""; content = ""; timestamp = 0L }

  let make ?(sender = "") ?(content = "") ?(timestamp = 0L) () : t =
    { sender; content; timestamp }

  let fields =
    Wire.Fields.make "chat.TextMessage" [
      (1, "sender");
      (2, "content");
      (3, "timestamp");
    ]

  let read r : t =
    let sender = ref "" in
    let content = ref "" in
    let timestamp = ref 0L in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> sender := Wire.Scalar.string.read r
      | 18 -> content := Wire.Scalar.string.read r
      | 24 -> timestamp := Wire.Scalar.int64.read r
      | _ -> Wire.Reader.skip r
    done;
    { sender = !sender; content = !content; timestamp = !timestamp }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.int64 w fields 3 m.timestamp;
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 2 m.content;
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 1 m.sender

  let equal (a : t) (b : t) =
    Wire.Scalar.string.equal a.sender b.sender
    && Wire.Scalar.string.equal a.content b.content
    && Wire.Scalar.int64.equal a.timestamp b.timestamp

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "sender" Wire.Scalar.string.pp m.sender;
      Wire.Print.field "content" Wire.Scalar.string.pp m.content;
      Wire.Print.field "timestamp" Wire.Scalar.int64.pp m.timestamp;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 1

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\xed\x18\x7b\xda\xad\xf1\x1d\xe3\x6c\xf1\xd4\x21\xeb\xc4\x04\x2a\x78\
       \x2b\x65\xc8\x62\x3b\x8e\xe3\x72\xdc\xdf\xda\xef\xd9\x87\x18"
end

module Question = struct
  type t = { text : string }

  let default : t = { text = "" }

  let make ?(text = "") () : t =
    { text }

  let fields =
    Wire.Fields.make "chat.Question" [ (1, "text") ]

  let read r : t =
    let text = ref "" in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> text := Wire.Scalar.string.read r
      | _ -> Wire.Reader.skip r
    done;
    { text = !text }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 1 m.text

  let equal (a : t) (b : t) =
    Wire.Scalar.string.equal a.text b.text

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "text" Wire.Scalar.string.pp m.text;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 2

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\xd4\x67\x46\x7a\xac\x14\x04\x09\xb6\x91\x9e\xe5\xe5\x2d\xe7\x24\xbe\
       \xab\x6a\xf6\x5e\x26\xec\x8a\xae\x27\xfa\xbd\x91\x06\xdd\xdc"
end

module Answer = struct
  type t = { text : string }

  let default : t = { text = "" }

  let make ?(text = "") () : t =
    { text }

  let fields =
    Wire.Fields.make "chat.Answer" [ (1, "text") ]

  let read r : t =
    let text = ref "" in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> text := Wire.Scalar.string.read r
      | _ -> Wire.Reader.skip r
    done;
    { text = !text }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 1 m.text

  let equal (a : t) (b : t) =
    Wire.Scalar.string.equal a.text b.text

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "text" Wire.Scalar.string.pp m.text;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 3

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x1d\x06\x08\x09\xf5\x2b\x5a\xb8\x61\x0a\x6d\xbd\x59\x7d\x8e\xc9\xf0\
       \x3e\x6f\xd0\x4e\x5b\x27\x35\x90\xd1\xfb\x5a\xbf\x62\x3e\xa4"
end
