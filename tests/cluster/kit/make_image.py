"""make_image.py NAME SOURCE ARCHIVE: write a docker archive with one layer, or one more than --base, without a builder.

SOURCE is a root file system (a directory or a tar file) or one static program, which becomes the image's entry point.
Called by kit/python-base and kit/load-image with whatever Python this machine has: standard library only.
"""

import argparse
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("source", type=Path)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--base", type=Path, help="docker archive whose layers lie below")
    parser.add_argument("--install-as", default="", help="path of a single program in the image (default: /NAME)")
    parser.add_argument("--entrypoint", type=json.loads, default=[], help="as JSON: '[\"python3\"]'")
    parser.add_argument("--cmd", type=json.loads, default=[], help="as JSON")
    parser.add_argument("--user", default="")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE, repeatable")
    return parser.parse_args()


def write_layer(source: Path, layer: Path, install_as: str) -> list[str]:
    """Write the layer and return the entry point that the source implies."""
    if source.is_dir():
        with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(source, arcname=".")
        return []
    if tarfile.is_tarfile(source):
        with tarfile.open(source) as packed, tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar:
            for member in packed:
                tar.addfile(member, packed.extractfile(member) if member.isfile() else None)
        return []
    return write_program(source, layer, install_as or f"/{source.name}")


def write_program(source: Path, layer: Path, path: str) -> list[str]:
    """Write a layer of one program."""
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as tar, source.open("rb") as program:
        info = tar.gettarinfo(source, arcname=path)
        info.mode, info.uid, info.gid, info.uname, info.gname = 0o755, 0, 0, "root", "root"
        tar.addfile(info, program)
    return [path]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def below(archive: Path | None) -> tuple[list[str], list[str]]:
    """Return the names of an archive's layers, and their digests."""
    if archive is None:
        return [], []
    with tarfile.open(archive) as packed:
        (manifest,) = _json(packed, "manifest.json")
        return manifest["Layers"], _json(packed, manifest["Config"])["rootfs"]["diff_ids"]


def _json(packed: tarfile.TarFile, name: str) -> Any:
    found = packed.extractfile(name)
    assert found is not None, name
    return json.load(found)


def configuration(args: argparse.Namespace, entrypoint: list[str], digests: list[str]) -> dict[str, Any]:
    """Return the image's configuration."""
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {
            "Entrypoint": args.entrypoint or entrypoint,
            "Cmd": args.cmd,
            "User": args.user,
            "WorkingDir": "/",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", *args.env],
        },
        # One entry per layer, or buildah refuses to build on the image.
        "history": [{"created_by": "make_image.py"} for _ in digests],
        "rootfs": {"type": "layers", "diff_ids": digests},
    }


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a small file to the archive."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def copy(archive: Path | None, names: list[str], tar: tarfile.TarFile) -> None:
    """Copy layers of an archive."""
    if archive is not None:
        with tarfile.open(archive) as packed:
            for name in names:
                tar.addfile(packed.getmember(name), packed.extractfile(name))


def main() -> None:
    """Write the archive; the layer on the way is removed again."""
    args = arguments()
    layer = args.archive.with_suffix(".layer")
    try:
        entrypoint = write_layer(args.source, layer, args.install_as)
        lower, digests = below(args.base)
        config = json.dumps(configuration(args, entrypoint, [*digests, f"sha256:{digest(layer)}"])).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [{"Config": config_name, "RepoTags": [args.name], "Layers": [*lower, f"{len(lower)}.tar"]}]
        with tarfile.open(args.archive, "w") as tar:
            add(tar, config_name, config)
            add(tar, "manifest.json", json.dumps(manifest).encode())
            copy(args.base, lower, tar)
            tar.add(layer, arcname=f"{len(lower)}.tar")
    finally:
        layer.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
