module Engine = Mycelium_engine.Engine
module Randomness = Mycelium_engine.Randomness
module Url = Mycelium_engine.Url

let ( let* ) = Result.bind

type t = { url : Url.t; config : Engine.config; timeout_s : float }

let publish_bytes_max_default = 1 lsl 20
let timeout_s_default = 5.
let instance_id_bytes = 16

let default_url () =
  Url.default ~getenv:Sys.getenv_opt ~uid:(Unix.geteuid ())
    ~exists:Sys.file_exists

let make ?url ?schema ?(name = Filename.basename Sys.executable_name)
    ?(timeout_s = timeout_s_default)
    ?(publish_bytes_max = publish_bytes_max_default) ?(reconnect = true)
    ?(reconnect_min_s = 0.) ?(reconnect_max_s = 0.) ?instance_id ~gives_back ()
    =
  let words = match url with Some url -> url | None -> default_url () in
  let random = Randomness.make () in
  let instance_id =
    match instance_id with
    | Some given -> given
    | None -> Randomness.bytes random instance_id_bytes
  in
  let* url = Url.parse words in
  let* () = Mycelium_engine.Arguments.client ~name ~instance_id in
  let config =
    {
      Engine.url = words;
      name;
      schema;
      instance_id;
      publish_bytes_max;
      reconnect;
      reconnect_min_s;
      reconnect_max_s;
      gives_back;
      random = Randomness.up_to random;
    }
  in
  Ok { url; config; timeout_s }
