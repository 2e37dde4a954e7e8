(** Mycelium for OCaml on its C++ core: typed messages within a process at
    memory speed, or over a broker.

    {!Client} is what a program uses, {!Runtime} the shortest way.  Message
    types are what [protoc --mycelium_out=ocaml:DIR] makes of .proto files. *)

module Client = Client
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Runtime = Runtime
module Start = Mycelium_engine.Start
