"""mycelium_library makes the C++, Python and OCaml of one schema.

    mycelium_library(
        name = "chat",
        protos = [":chat_proto"],
    )

makes of the .proto files of these proto_library targets, which are one schema:

    chat_cc      a cc_library: #include "chat.mycelium.h", with chat.pb.h behind it
    chat_py      a py_library: import chat
    chat_ocaml   a folder of .ml and .mli files, over the library mycelium.wire

Names of files are those of the imports: a proto_library with strip_import_prefix = "/proto" makes of
proto/chat.proto what has been said, one without it proto/chat.mycelium.h.
"""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")

def _import_path(source, info):
    """What other .proto files call the file, and so the generator."""
    root = info.proto_source_root + "/"
    return source.path[len(root):] if source.path.startswith(root) else source.short_path

def _mycelium_gen_impl(ctx):
    infos = [proto[ProtoInfo] for proto in ctx.attr.protos]
    sources = [_import_path(source, info) for info in infos for source in info.direct_sources]
    if ctx.attr.endings:
        outputs = [
            ctx.actions.declare_file("%s/%s%s" % (ctx.label.name, source[:-len(".proto")], ending))
            for source in sources
            for ending in ctx.attr.endings
        ]
        folder = "%s/%s/%s" % (ctx.bin_dir.path, ctx.label.package, ctx.label.name)
    else:
        outputs = [ctx.actions.declare_directory(ctx.label.name)]
        folder = outputs[0].path
    args = ctx.actions.args()
    args.add("--plugin=protoc-gen-mycelium=" + ctx.executable._plugin.path)
    args.add("--mycelium_out=%s:%s" % (ctx.attr.language, folder))

    # Sources, not descriptor sets: these have neither comments nor places.
    args.add_all(
        depset(transitive = [info.transitive_proto_path for info in infos]),
        format_each = "--proto_path=%s",
    )
    args.add_all(sources)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = depset(transitive = [info.transitive_sources for info in infos]),
        tools = [ctx.executable._plugin],
        outputs = outputs,
        mnemonic = "MyceliumGen",
        progress_message = "Generating %s for %s" % (ctx.attr.language, ctx.label),
    )
    return [DefaultInfo(files = depset(outputs), runfiles = ctx.runfiles(files = outputs))]

_mycelium_gen = rule(
    implementation = _mycelium_gen_impl,
    attrs = {
        "endings": attr.string_list(doc = "of the files that each .proto makes; none: a folder of all"),
        "language": attr.string(mandatory = True, values = ["cpp", "ocaml", "python"]),
        "protos": attr.label_list(providers = [ProtoInfo], mandatory = True),
        "_plugin": attr.label(
            default = "//proto/plugin:protoc-gen-mycelium",
            executable = True,
            cfg = "exec",
        ),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            executable = True,
            cfg = "exec",
            allow_single_file = True,
        ),
    },
)

def mycelium_library(name, protos, visibility = None, testonly = False):
    """Makes NAME_cc, NAME_py and NAME_ocaml.

    Args:
      name: of the schema.
      protos: proto_library targets, with all files of the schema; what they import comes along.
      visibility: of the three.
      testonly: of the three.
    """
    common = {"testonly": testonly, "visibility": visibility}
    for language, endings in {
        "cpp": [".mycelium.cc", ".mycelium.h"],
        "python": [],
    }.items():
        _mycelium_gen(
            name = "%s_%s_gen" % (name, language),
            language = language,
            endings = endings,
            protos = protos,
            testonly = testonly,
            visibility = ["//visibility:private"],
        )
    for i, proto in enumerate(protos):
        native.cc_proto_library(
            name = "%s_%d_cc_proto" % (name, i),
            deps = [proto],
            testonly = testonly,
            visibility = ["//visibility:private"],
        )
    native.cc_library(
        name = name + "_cc",
        srcs = [":%s_cpp_gen" % name],
        hdrs = [":%s_cpp_gen" % name],
        includes = ["%s_cpp_gen" % name],
        deps = ["//client/cpp:message_traits"] +
               [":%s_%d_cc_proto" % (name, i) for i in range(len(protos))],
        **common
    )
    native.py_library(
        name = name + "_py",
        data = [":%s_python_gen" % name],
        imports = ["%s_python_gen" % name],
        **common
    )
    _mycelium_gen(
        name = name + "_ocaml",
        language = "ocaml",
        protos = protos,
        **common
    )
