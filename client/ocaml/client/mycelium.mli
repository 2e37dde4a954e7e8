(** Mycelium for OCaml: typed messages between processes, through
    mycelium-brokerd.

    {!Client} is what a program uses.  Message types are what
    [protoc --mycelium_out=ocaml:DIR] makes of .proto files; {!Mycelium_wire} is
    what they stand on, {!Mycelium_engine} the protocol without I/O, for those
    who bring their own. *)

module Client = Client
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Start = Mycelium_engine.Start
