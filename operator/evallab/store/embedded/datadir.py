"""The data directory: made by initdb, guarded against another major version.

Called by the supervisor, which holds the lock of this home: nobody else makes or starts data meanwhile.
"""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded.account import SETTING, Account
from evallab.store.embedded.directories import existing_data, give, owned
from evallab.store.embedded.failure import from_output
from evallab.store.embedded.layout import Layout
from evallab.store.embedded.port import HOST
from evallab.store.embedded.process import run
from evallab.store.embedded.state import write_private

SUPERUSER = "evallab"
DATABASE = "evallab"
_STAGING = "init-"


def prepare(layout: Layout, bin_dir: Path, account: Account, *, major: int, timeout_s: float) -> Path:
    """Return the data directory, made by initdb when there is none yet.

    Raises StoreUnavailable when the data cannot be used by this version or account, or initdb fails.
    """
    _discard_interrupted(layout)
    data = layout.data(major)
    refuse_other_major(layout, major)
    if not data.is_dir():
        _create(layout, bin_dir, account, data, timeout_s=timeout_s)
    _refuse_foreign(data, account)
    return data


def password(layout: Layout) -> str:
    """Return the superuser's password. Raises StoreUnavailable when its file is gone."""
    try:
        return layout.password.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise StoreUnavailable(
            f"{layout.password}, which holds the password of the database, is missing.",
            remedy="Restore it from a backup; or move the data directory next to it away and start afresh.",
        ) from error


def url(layout: Layout, port_number: int) -> str:
    """Return the libpq URL, password included, of this home's database on that port."""
    return f"postgresql://{SUPERUSER}:{password(layout)}@{HOST}:{port_number}/{DATABASE}"


def refuse_other_major(layout: Layout, major: int) -> None:
    """Raise StoreUnavailable when the data that is there was made by another major version of PostgreSQL."""
    found = {path: _major_of(path) for path in existing_data(layout)}
    ours = layout.data(major)
    judged = {ours: found[ours]} if ours in found else found
    for path, made_by in judged.items():
        if made_by != str(major):
            raise _other_major(path, made_by, major)


def _other_major(path: Path, made_by: str, major: int) -> StoreUnavailable:
    if not made_by:
        return StoreUnavailable(f"{path} is not a PostgreSQL data directory.", remedy="Move it away.")
    return StoreUnavailable(
        f"The data in {path} was made by PostgreSQL {made_by}, this evallab brings {major}.",
        remedy="Dump with the old version: install the evallab that made it, run pg_dump through `evallab db`, "
        "move the directory away, and restore with this version.",
    )


def _major_of(path: Path) -> str:
    try:
        return (path / "PG_VERSION").read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _discard_interrupted(layout: Layout) -> None:
    for staging in layout.root.glob(f"{_STAGING}*"):
        shutil.rmtree(staging, ignore_errors=True)


def _create(layout: Layout, bin_dir: Path, account: Account, data: Path, *, timeout_s: float) -> None:
    """Run initdb beside the final place and rename, so that a data directory is complete or not there."""
    if not layout.password.exists():
        write_private(layout.password, secrets.token_urlsafe(24))
    staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=layout.root))
    try:
        give(staging, account)
        code, output = run(_initdb(staging, bin_dir, account, layout), account, timeout_s=timeout_s)
        if code != 0:
            raise from_output(output, doing="Creating the embedded database")
        (staging / "data").rename(data)
        _sync(layout.root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _initdb(staging: Path, bin_dir: Path, account: Account, layout: Layout) -> list[str | Path]:
    secret = staging / "password"
    write_private(secret, password(layout))
    give(secret, account)
    # The built-in C.UTF-8 sorts by code point and is the same on every machine, whatever its C library.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    login = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={secret}"]
    data = owned(staging / "data", account)
    return [bin_dir / "initdb", "-D", data, *locale, *login, "--data-checksums", "--no-instructions"]


def _refuse_foreign(data: Path, account: Account) -> None:
    owner = data.stat().st_uid
    if owner != account.uid:
        raise StoreUnavailable(
            f"{data} belongs to user id {owner}, and PostgreSQL would run as {account.name} (user id {account.uid}).",
            remedy=f"Set {SETTING} to the owner, or give the directory to {account.name}.",
        )


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
