type t = Now | Last of int | Sequence of int | Time of float
