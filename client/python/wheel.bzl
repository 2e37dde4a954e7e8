"""wheel: a Python wheel of files that Bazel makes, without setuptools."""

def _wheel_impl(ctx):
    tag = ctx.attr.tag
    wheel = ctx.actions.declare_file("%s-%s-%s.whl" % (ctx.attr.distribution, ctx.attr.version, tag))
    args = ctx.actions.args()
    args.add_all([wheel, ctx.attr.distribution, ctx.attr.version, tag, ctx.attr.summary, ctx.file.description])
    inputs = [ctx.file.description]
    for target, path in ctx.attr.files.items():
        # A py_library of generated files has them as data.
        for file in target.files.to_list() or target[DefaultInfo].default_runfiles.files.to_list():
            inputs.append(file)
            if file.is_directory:
                args.add_all([file], map_each = _at_the_top)
            else:
                args.add("%s=%s" % (path + file.basename if path.endswith("/") else path, file.path))
    ctx.actions.run(
        executable = ctx.executable._make_wheel,
        arguments = [args],
        inputs = inputs,
        outputs = [wheel],
        mnemonic = "Wheel",
    )
    return [DefaultInfo(files = depset([wheel]), runfiles = ctx.runfiles(files = [wheel]))]

def _at_the_top(file):
    module = file.tree_relative_path[:-len(".py")]

    # A module of one file has no place for py.typed: its types are a package of stubs.
    return ["%s.py=%s" % (module, file.path), "%s-stubs/__init__.pyi=%s" % (module, file.path)]

wheel = rule(
    implementation = _wheel_impl,
    attrs = {
        "description": attr.label(allow_single_file = True, mandatory = True),
        "distribution": attr.string(mandatory = True),
        "files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "where in the wheel: a path, or a folder with a slash at its end; files of a generated " +
                  "folder are modules of their own",
        ),
        "summary": attr.string(mandatory = True, doc = "one line"),
        "tag": attr.string(mandatory = True, doc = "interpreter, ABI, platform"),
        "version": attr.string(mandatory = True),
        "_make_wheel": attr.label(
            default = "//client/python:make_wheel",
            executable = True,
            cfg = "exec",
        ),
    },
)
