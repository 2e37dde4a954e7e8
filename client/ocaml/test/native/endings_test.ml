(* Nothing that ends hangs: each scenario of endings.ml, in process and over
   the real broker, as a program of its own. *)

let test name f = Alcotest.test_case name `Quick f
let strings where = Alcotest.(check (list string)) where

let start scenario url =
  (* Ended with 124, should it hang. *)
  Broker.start [ "timeout"; "30"; "./endings.exe"; scenario; url ]

let everywhere f () =
  f "inproc:";
  Broker.with_broker (fun broker -> f (Broker.unix_url broker))

let ends scenario ~prints =
  test scenario
    (everywhere (fun url ->
         let lines, code = Broker.finish (start scenario url) in
         Alcotest.(check int) "its code" 0 code;
         strings "what it prints" prints lines))

let is_interrupted scenario =
  test scenario
    (everywhere (fun url ->
         let program = start scenario url in
         strings "it waits" [ "ready" ] [ Broker.line program ];
         (* Nobody can say when it waits; sooner is right, too. *)
         Thread.delay 0.05;
         Broker.signal program Sys.sigint;
         let lines, code = Broker.finish program in
         Alcotest.(check int) "its code" 0 code;
         strings "what it prints" [ "interrupted"; "end" ] lines))

let what_was_published_has_come () =
  Broker.with_broker (fun broker ->
      let url = Broker.unix_url broker in
      let subscriber =
        Broker.tool broker [ "sub"; "2"; "--count"; "1000"; "--quiet" ]
      in
      Broker.until "it has subscribed" (fun () ->
          let status, _ = Broker.finish (Broker.tool broker [ "status" ]) in
          List.exists
            (fun line ->
              Str.string_match (Str.regexp ".* type 2 ") (line ^ " ") 0)
            status);
      let _, code = Broker.finish (start "exit-publishes-what-is-queued" url) in
      Alcotest.(check int) "its code" 0 code;
      let lines, _ = Broker.finish subscriber in
      Alcotest.(check int) "all have come" 1000 (List.length lines))

let () =
  let end_ = [ "end" ] in
  Alcotest.run "native endings"
    [
      ( "ends",
        [
          ends "exit-beside-a-busy-handler" ~prints:end_;
          ends "exit-beside-a-handler-that-waits-for-main" ~prints:end_;
          ends "exit-within-a-handler" ~prints:[];
          ends "exit-within-a-callback" ~prints:[];
          ends "exit-beside-threads-that-publish" ~prints:end_;
          ends "close-beside-threads-that-publish" ~prints:end_;
          ends "collect-everything" ~prints:end_;
          ends "fork" ~prints:end_;
          test "what was published has come" what_was_published_has_come;
        ] );
      ( "is interrupted",
        List.map is_interrupted
          [
            "interrupt-next";
            "interrupt-publish";
            "interrupt-request";
            "interrupt-close";
            "interrupt-unsubscribe";
          ] );
    ]
