"""System libraries as Bazel targets, described by pkg-config.

pkg_config(name = "glog", modules = ["libglog"]) makes @glog//:glog (so also
"@glog"), a cc_library with the flags that `pkg-config libglog` gives.

With static = True each -lfoo that has a libfoo.a becomes that archive, and the
rest stay shared. PKG_CONFIG_LINK=shared in the environment (or
--repo_env=PKG_CONFIG_LINK=shared) overrides static everywhere.
"""

# Part of the C library, or only ever wanted shared.
_NEVER_STATIC = ["c", "m", "dl", "rt", "pthread", "atomic", "gcc_s", "stdc++"]

_BUILD = """# Made by //third_party:pkg_config.bzl from: pkg-config {modules}
package(default_visibility = ["//visibility:public"])

cc_library(
    name = {name},
    srcs = {srcs},
    hdrs = glob(["include/**"], allow_empty = True),
    defines = {defines},
    includes = {includes},
    linkopts = {linkopts},
    deps = {deps},
)
"""

def _run(ctx, args, what):
    result = ctx.execute(args)
    if result.return_code != 0:
        fail("{}: {} (needed for @{})\n{}\nDebian: apt-get install {}".format(
            what,
            " ".join([str(a) for a in args]),
            ctx.name,
            result.stderr,
            ctx.attr.debian or "the -dev package",
        ))
    return result.stdout.strip()

def _words(text):
    return [w for w in text.replace("\n", " ").split(" ") if w]

def _archive(ctx, cc, lib, dirs):
    """Where lib<lib>.a is, or None."""
    for d in dirs:
        path = ctx.path(d).get_child("lib" + lib + ".a")
        if path.exists:
            return path
    found = ctx.execute([cc, "-print-file-name=lib" + lib + ".a"]).stdout.strip()
    return ctx.path(found) if found.startswith("/") else None

def _pkg_config_impl(ctx):
    pkg_config = ctx.which("pkg-config") or ctx.which("pkgconf")
    if not pkg_config:
        fail("pkg-config is not installed")
    cc = ctx.os.environ.get("CC") or "cc"
    static = ctx.attr.static and ctx.os.environ.get("PKG_CONFIG_LINK") != "shared"

    modules = ctx.attr.static_modules if static and ctx.attr.static_modules else ctx.attr.modules
    query = [pkg_config] + (["--static"] if static else [])
    cflags = _words(_run(ctx, query + ["--cflags"] + modules, "pkg-config")) if modules else []
    libs = _words(_run(ctx, query + ["--libs"] + modules, "pkg-config")) if modules else []
    libs = libs + ["-l" + l for l in ctx.attr.libs]

    defines, includes, linkopts, srcs = [], [], [], []
    for flag in cflags:
        if flag.startswith("-D"):
            defines.append(flag[2:])
        elif flag.startswith("-I") and flag[2:] != "/usr/include":
            here = "include/%d" % len(includes)
            ctx.symlink(flag[2:], here)
            includes.append(here)

    dirs = [flag[2:] for flag in libs if flag.startswith("-L")]
    for flag in libs:
        lib = flag[2:] if flag.startswith("-l") else None
        archive = None
        if static and lib and lib not in _NEVER_STATIC + ctx.attr.keep_shared:
            archive = _archive(ctx, cc, lib, dirs)
        if archive:
            here = "lib/" + archive.basename
            if here in srcs:
                srcs.remove(here)  # of two mentions the last place is the right one
            else:
                ctx.symlink(archive, here)
            srcs.append(here)
        else:
            if flag in linkopts and flag.startswith("-l"):
                linkopts.remove(flag)
            linkopts.append(flag)

    for header in ctx.attr.headers:
        if not ctx.path("/usr/include/" + header).exists:
            fail("/usr/include/{} is absent (needed for @{})\nDebian: apt-get install {}".format(
                header,
                ctx.name,
                ctx.attr.debian,
            ))

    ctx.file("BUILD.bazel", _BUILD.format(
        modules = " ".join(modules),
        name = repr(ctx.name),
        srcs = repr(srcs),
        defines = repr(defines),
        includes = repr(includes),
        linkopts = repr(linkopts),
        deps = repr(ctx.attr.deps),
    ))

pkg_config = repository_rule(
    implementation = _pkg_config_impl,
    attrs = {
        "modules": attr.string_list(doc = "pkg-config module names"),
        "static_modules": attr.string_list(doc = "the modules when static, where those differ"),
        "libs": attr.string_list(doc = "-l names for what has no .pc file"),
        "headers": attr.string_list(doc = "files below /usr/include, for a header-only library without a .pc file"),
        "keep_shared": attr.string_list(doc = "-l names not to link statically"),
        "static": attr.bool(default = False),
        "deps": attr.string_list(doc = "other targets this library needs"),
        "debian": attr.string(doc = "package to name when the module is absent"),
    },
    configure = True,
    local = True,
    environ = ["CC", "PKG_CONFIG_LINK", "PKG_CONFIG_PATH", "PKG_CONFIG_SYSROOT_DIR"],
)
