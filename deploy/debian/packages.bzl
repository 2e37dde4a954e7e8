"""debian_packages: a folder of .debs, made by Debian's own tools (build.sh)."""

def _debian_packages_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.label.name)
    if ctx.var["COMPILATION_MODE"] != "opt":
        fail("compilation_mode: %s, allowed opt (bazel build -c opt): packages hold the release" % ctx.var["COMPILATION_MODE"])
    args = ctx.actions.args()
    args.add_all([folder.path, ctx.file.control.dirname, ctx.file.version.path])
    inputs = [ctx.file.control, ctx.file.version] + ctx.files.metadata
    for target, places in ctx.attr.files.items():
        for file in target.files.to_list():
            inputs.append(file)
            for place in places.split(" "):
                args.add("%s=%s" % (place + file.basename if place.endswith("/") else place, file.path))
    ctx.actions.run(
        executable = ctx.executable._build,
        arguments = [args],
        inputs = inputs,
        outputs = [folder],
        use_default_shell_env = True,
        mnemonic = "DebianPackages",
        progress_message = "Making Debian packages",
    )
    return [DefaultInfo(files = depset([folder]))]

debian_packages = rule(
    implementation = _debian_packages_impl,
    attrs = {
        "control": attr.label(allow_single_file = True, mandatory = True),
        "files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "where each is installed, PACKAGE/path; a folder with a slash at its end; several with spaces; " +
                  "LIB is /usr/lib/ and the machine's kind",
        ),
        "metadata": attr.label_list(
            allow_files = True,
            doc = "beside control: changelog, copyright, PACKAGE.postinst and the like",
        ),
        "version": attr.label(allow_single_file = True, doc = "the header that says it"),
        "_build": attr.label(
            default = "//deploy/debian:build.sh",
            allow_single_file = True,
            executable = True,
            cfg = "exec",
        ),
    },
)
