"""self_contained_archive: one lib*.a of some targets and all that they stand on, that lets out a few names only.

Everything is linked into one object, whose other names become local, so that they cannot clash with those of the program
or of another library in it. What is left undefined is the C and C++ standard libraries'.
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Groups (COMDAT) would be dropped in favour of another object's of the same name, and a reference to a local name in it
# with them: each becomes a plain section.  Unique names of C++ become local only once they are weak
# (clang makes none, and objcopy takes no empty list).
_COMMAND = """
set -eu
ld={ld} objcopy={objcopy} ar={ar} nm={nm} out="$1" names="$2"
shift 2
"$ld" -r --force-group-allocation -o "$out.o" --start-group "$@" --end-group
"$nm" "$out.o" | sed -n 's/.* u //p' >"$out.unique"
[ ! -s "$out.unique" ] || "$objcopy" --weaken-symbols="$out.unique" "$out.o"
"$objcopy" {strip} --wildcard --keep-global-symbol="$names" "$out.o"
rm -f "$out"
"$ar" rcsD "$out" "$out.o"
rm "$out.o" "$out.unique"
"""

def _self_contained_archive_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    archives = []
    arguments = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in linker_input.libraries:
                archive = library.pic_static_library or library.static_library
                if not archive or archive in archives:
                    continue
                archives.append(archive)
                if library.alwayslink:
                    arguments += ["--whole-archive", archive.path, "--no-whole-archive"]
                else:
                    arguments.append(archive.path)
    ctx.actions.run_shell(
        inputs = depset(archives, transitive = [toolchain.all_files]),
        outputs = [ctx.outputs.out],
        command = _COMMAND.format(
            ar = toolchain.ar_executable,
            ld = toolchain.ld_executable,
            nm = toolchain.nm_executable,
            objcopy = toolchain.objcopy_executable,
            strip = "" if ctx.attr.keep_debug else "--strip-debug",
        ),
        arguments = [ctx.outputs.out.path, ctx.attr.exports] + arguments,
        mnemonic = "SelfContainedArchive",
        progress_message = "Archiving %s" % ctx.outputs.out.short_path,
    )

self_contained_archive = rule(
    implementation = _self_contained_archive_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo], mandatory = True),
        "exports": attr.string(doc = "the names that stay global, with wildcards", mandatory = True),
        "keep_debug": attr.bool(doc = "with what a debugger and abidw read"),
        "out": attr.output(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
