(** Mycelium for Lwt: typed messages between processes, through
    mycelium-brokerd. What is not here is in [Mycelium]. *)

module Client = Client
