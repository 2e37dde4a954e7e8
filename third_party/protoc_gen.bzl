"""protoc_gen runs protoc's own generators over proto_library targets.

For C++ there is cc_proto_library; this is for the other languages:

    protoc_gen(
        name = "control_py_gen",
        language = "python",
        protos = [":control_proto"],
        suffix = "_pb2.py",
    )

makes control_pb2.py beside control.proto.
"""

load("@rules_proto//proto:defs.bzl", "ProtoInfo")

def _protoc_gen_impl(ctx):
    sources, outputs = [], []
    for proto in ctx.attr.protos:
        for source in proto[ProtoInfo].direct_sources:
            sources.append(source.short_path)
            outputs.append(ctx.actions.declare_file(
                source.basename[:-len(".proto")] + ctx.attr.suffix,
            ))
    inputs = depset(transitive = [
        proto[ProtoInfo].transitive_descriptor_sets
        for proto in ctx.attr.protos
    ])
    args = ctx.actions.args()
    args.add("--%s_out=%s" % (ctx.attr.language, ctx.bin_dir.path))
    args.add_joined("--descriptor_set_in", inputs, join_with = ":")
    args.add_all(sources)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = inputs,
        outputs = outputs,
        mnemonic = "ProtocGen",
        progress_message = "Generating %s for %s" % (ctx.attr.language, ctx.label),
    )
    return [DefaultInfo(files = depset(outputs))]

protoc_gen = rule(
    implementation = _protoc_gen_impl,
    attrs = {
        "language": attr.string(mandatory = True, doc = "the X of --X_out"),
        "protos": attr.label_list(
            providers = [ProtoInfo],
            mandatory = True,
            doc = "of this package, imported by their path in the workspace",
        ),
        "suffix": attr.string(mandatory = True, doc = "foo.proto makes foo<suffix>"),
        "_protoc": attr.label(
            default = "@com_google_protobuf//:protoc",
            executable = True,
            cfg = "exec",
            allow_single_file = True,
        ),
    },
)
