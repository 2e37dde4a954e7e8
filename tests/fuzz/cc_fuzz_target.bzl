"""cc_fuzz_target: one LLVMFuzzerTestOneInput, fuzzed by libFuzzer and replayed by every compiler."""

def cc_fuzz_target(name, srcs, corpus, deps = []):
    """Makes NAME, a fuzzer, and NAME_corpus_test, which runs each corpus file once.

    The fuzzer needs clang, so only an explicit build makes it:

        bazel build --config=fuzz //tests/fuzz:NAME
        bazel-bin/tests/fuzz/NAME -max_total_time=60 NEW_CORPUS tests/fuzz/corpus/...

    The test is part of every `bazel test`, and fails like the fuzzer: by a crash.

    Args:
      name: of the fuzzer.
      srcs: define LLVMFuzzerTestOneInput.
      corpus: files, at least one; also what the fuzzer should start from.
      deps: of the sources.
    """
    if not corpus:
        fail("%s: no corpus" % name)
    native.cc_library(
        name = name + "_lib",
        testonly = True,
        srcs = srcs,
        # Nothing calls it by a name that the linker sees before the fuzzer's main.
        alwayslink = True,
        deps = deps,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_lib"],
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = ["//tests/fuzz:replay_main.cc"],
        args = ["$(location %s)" % file for file in corpus],
        data = corpus,
        deps = [":" + name + "_lib"],
    )
