type t = { message : string; names : (int * string) list }

let make message names = { message; names }
let message fields = fields.message

let field fields number =
  match List.assoc_opt number fields.names with
  | Some name -> name
  | None -> string_of_int number

let path fields number = fields.message ^ "." ^ field fields number
