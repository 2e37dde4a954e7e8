"""The system libraries that Mycelium is built with; README.md says what each one is for."""

load("//third_party:pkg_config.bzl", "pkg_config")

_ABSL = [
    "btree",
    "flat_hash_map",
    "flat_hash_set",
    "inlined_vector",
    "status",
    "statusor",
    "strings",
    "str_format",
    "time",
]

def system_libs():
    pkg_config(name = "absl", modules = ["absl_" + m for m in _ABSL], static = True, debian = "libabsl-dev")
    pkg_config(name = "protobuf", modules = ["protobuf"], static = True, debian = "libprotobuf-dev")
    pkg_config(name = "protoc_lib", libs = ["protoc"], static = True, deps = ["@protobuf"], debian = "libprotoc-dev")
    pkg_config(name = "protozero", headers = ["protozero/pbf_reader.hpp"], debian = "libprotozero-dev")
    pkg_config(name = "gflags", modules = ["gflags"], static = True, debian = "libgflags-dev")
    pkg_config(name = "glog", modules = ["libglog"], static = True, keep_shared = ["unwind"], debian = "libgoogle-glog-dev")
    pkg_config(name = "uv", modules = ["libuv"], static_modules = ["libuv-static"], static = True, debian = "libuv1-dev")
    pkg_config(name = "python3", modules = ["python3"], debian = "python3-dev")
    pkg_config(name = "python3_embed", modules = ["python3-embed"], debian = "python3-dev")
    pkg_config(name = "http_parser", libs = ["http_parser"], headers = ["http_parser.h"], static = True, debian = "libhttp-parser-dev")
    pkg_config(name = "prometheus", modules = ["prometheus-cpp-core"], debian = "prometheus-cpp-dev")
    pkg_config(name = "md", modules = ["libmd"], static = True, debian = "libmd-dev")
    pkg_config(name = "gtest_main", modules = ["gmock_main"], static = True, debian = "libgmock-dev")
