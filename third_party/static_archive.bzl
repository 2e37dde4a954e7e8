"""static_archive: our own code behind some targets as one lib*.a, for programs that Bazel does not build.

What comes from the system stays outside; the program links it itself (pkg-config says what).
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _static_archive_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    archives = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            # External repositories are how system libraries come in.
            if linker_input.owner.workspace_name:
                continue
            for library in linker_input.libraries:
                archive = library.pic_static_library or library.static_library
                if archive and archive not in archives:
                    archives.append(archive)
    script = ["CREATE " + ctx.outputs.out.path]
    script += ["ADDLIB " + archive.path for archive in archives]
    script += ["SAVE", "END"]
    ctx.actions.run_shell(
        inputs = depset(archives, transitive = [toolchain.all_files]),
        outputs = [ctx.outputs.out],
        command = "printf '%s\\n' \"$@\" | " + toolchain.ar_executable + " -M",
        arguments = script,
        mnemonic = "StaticArchive",
        progress_message = "Archiving %s" % ctx.outputs.out.short_path,
    )

static_archive = rule(
    implementation = _static_archive_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo], mandatory = True),
        "out": attr.output(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
