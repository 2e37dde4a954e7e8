type t = {
  min_s : float;
  max_s : float;
  random : float -> float;
  mutable bound_s : float;
}

let make ~min_s ~max_s ~random =
  { min_s; max_s = Float.max min_s max_s; random; bound_s = min_s }

let next_s t ~at_least_s =
  let wait_s = t.random t.bound_s in
  t.bound_s <- Float.min t.max_s (2. *. t.bound_s);
  Float.max at_least_s wait_s

let reset t = t.bound_s <- t.min_s
