type t = Message of Received.t | Gap of Gap.t

let frames = function Message _ -> 1 | Gap gap -> Gap.frames gap
