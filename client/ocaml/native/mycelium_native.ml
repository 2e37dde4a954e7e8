module Client = Client
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Runtime = Runtime
module Start = Mycelium_engine.Start
