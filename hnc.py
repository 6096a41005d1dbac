#!/usr/bin/env python3
"""The two commands: ``python3 hnc.py demo`` and ``python3 hnc.py test``.

Standard library only. Makes ``.venv`` beside itself from constraints.txt on first use, then
hands over: ``test`` is lint and tests, any other words go to the command ``hnc``.
"""

import contextlib
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
STATE = VENV / "hnc-setup.json"
LOG = VENV / "hnc-setup.log"
LOCK = HERE / ".venv.lock"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
SUPPORTED = [(3, 12), (3, 11), (3, 13), (3, 10)]  # Slicer's own first
EXTRAS = "scene,train,test"
LONGEST_SILENCE_S = 15.0

USAGE = """\
python3 hnc.py demo        the whole job on a built-in simulated patient
python3 hnc.py test        lint and tests; further words go to pytest
python3 hnc.py WORDS       the command hnc: analyze, suv, classify, explain, segment, measure,
                           models, benchmark, run; `python3 hnc.py --help` lists them once set up

The first use makes .venv beside hnc.py (2.5 GB) from constraints.txt; it needs Python 3.10
to 3.13 and a network. Research use only; not a medical device."""


class SetupError(Exception):
    """Setting up cannot go on; the message is one line for the user."""


def main(words):
    """Set up where needed, then hand over; gives the exit code."""
    wanted = fingerprint()
    if not is_ready(wanted):
        if words in ([], ["-h"], ["--help"]):
            print(USAGE)
            return 0
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            set_up(wanted)
        except SetupError as error:
            print(f"hnc: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("\nhnc: stopped; the next start begins the set-up again", file=sys.stderr)
            return 130
    if words[:1] == ["test"]:
        return run_tests(words[1:])
    return hand_over(["-m", "HNCLogic", *words])


# --- is the environment there, and the right one? ---------------------------------------------


def fingerprint():
    """What .venv is made of: it changes with the pins, the needs, and the checkout's place."""
    digest = hashlib.sha256(f"{HERE}|{EXTRAS}".encode())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def read_state():
    try:
        return json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_state(state, wanted):
    text = json.dumps({"state": state, "made_of": wanted})
    part = STATE.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, STATE)


def is_ready(wanted):
    state = read_state() or {}
    return state.get("state") == "ready" and state.get("made_of") == wanted and PYTHON.exists()


# --- setting up -------------------------------------------------------------------------------


def set_up(wanted):
    """Make, repair or update .venv. Starts at the same time wait for each other."""
    try:
        with locked():
            if is_ready(wanted):  # another start did it while this one waited
                return
            begun = time.monotonic()
            make_venv(wanted)
            install_packages()
            write_state("ready", wanted)
            say(f"set up in {time.monotonic() - begun:.0f} s")
    except OSError as error:
        raise SetupError(
            f"cannot set up in {VENV}: {error.strerror or error}; free space or make the "
            "folder writable, then start again"
        ) from error


def make_venv(wanted):
    """An empty environment; one that was finished before is kept and only updated.

    A set-up that was cut short is begun anew, because pip takes a half-written package for a
    whole one; what it had downloaded is still in pip's cache. A .venv that is not ours is kept.
    """
    state = read_state()
    broken = not PYTHON.exists() or (state is not None and state.get("state") != "ready")
    if state is not None and broken:
        say("an earlier set-up was cut short: beginning again")
        shutil.rmtree(VENV)
    if PYTHON.exists():
        say(f"updating {VENV}")
        write_state("installing", wanted)
        return
    check_python()
    say(f"first use: setting up {VENV}; this happens once and takes a few minutes")
    VENV.mkdir(exist_ok=True)
    write_state("installing", wanted)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        words = " ".join((made.stdout + made.stderr).split())
        if "ensurepip" in words:
            raise SetupError(
                "this Python has no ensurepip: install it (Debian, Ubuntu: "
                f"apt install python3-venv) and start again; {sys.executable} was used"
            )
        raise SetupError(f"{sys.executable} -m venv failed: {words[-300:]}")


def check_python():
    if sys.version_info[:2] in SUPPORTED:
        return
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    found = [name for name in names if shutil.which(name)]
    then = f"try: {found[0]} hnc.py" if found else "install Python 3.12 and start hnc.py with it"
    here = ".".join(str(part) for part in sys.version_info[:2])
    raise SetupError(f"needs Python 3.10 to 3.13, and this is {here}; {then}")


def install_packages():
    """torch first and by itself, so that the build this machine is set up for is the one used."""
    pins = (HERE / "constraints.txt").read_text(encoding="utf-8")
    torch = re.search(r"^torch==\S+", pins, re.MULTILINE).group(0)
    LOG.unlink(missing_ok=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    pip += ["--progress-bar", "off", "-c", str(HERE / "constraints.txt")]
    say(f"1 of 2: {torch}, the largest")
    follow_pip([*pip, torch])
    say("2 of 2: everything else")
    follow_pip([*pip, "--no-build-isolation", "-e", f"{HERE}[{EXTRAS}]"])


def follow_pip(command):
    """Run pip, telling what it does; never silent for long. Everything it says is in LOG."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_USER": "0"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=environment,
    )
    lines = queue.Queue()
    reader = threading.Thread(target=lambda: [lines.put(x) for x in process.stdout], daemon=True)
    reader.start()
    told = PipTold()
    try:
        with LOG.open("a", encoding="utf-8") as log:
            while reader.is_alive() or not lines.empty():
                with contextlib.suppress(queue.Empty):
                    line = lines.get(timeout=0.5)
                    log.write(line)
                    told.hear(line)
                told.tick()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    told.tick()
    if process.wait():
        raise SetupError(why_pip_failed(LOG.read_text(encoding="utf-8")))


class PipTold:
    """pip's own words, tidied to one line a package, with a sign of life in between."""

    def __init__(self):
        self.doing = "asking the package index"
        self.fetched = 0
        self.to_install = 0
        self.seen = set()
        self.installed = 0
        self.since = self.shown = time.monotonic()

    def hear(self, line):
        wheel = re.match(
            r"(?:Downloading|Using cached|Processing) (?:\S*/)?([\w.]+)-(\d[\w.+!]*?)-\S*"
            r"\.whl(?: \(([\d.]+ [kMG]?B)\))?",
            line.strip(),
        )
        if wheel and ".whl.metadata" not in line:
            self.fetched += 1
            name, version, size = wheel.groups()
            more = f" ({size})" if size else ""
            self.tell(f"  [{self.fetched}] ", f"fetching {name} {version}", more)
        elif line.startswith("Installing collected packages: "):
            self.to_install = line.count(",") + 1
            self.seen = dist_infos()
            self.tell("  ", f"installing {self.to_install} packages")

    def tick(self):
        """Count what has been installed; where nothing changed for a while, say so."""
        new = dist_infos() - self.seen if self.to_install else set()
        if new:
            self.seen |= new
            self.installed += len(new)
            names = ", ".join(sorted(name.replace("-", " ") for name in new))
            share = f"  [{self.installed}/{max(self.to_install, self.installed)}] "
            self.tell(share, "installing", f": {names}")
        now = time.monotonic()
        if now - self.shown > LONGEST_SILENCE_S:
            self.shown = now
            say(f"  … still {self.doing} ({now - self.since:.0f} s)")

    def tell(self, prefix, doing, more=""):
        self.doing = doing
        self.since = self.shown = time.monotonic()
        say(prefix + doing + more)


def site_packages():
    if WINDOWS:
        return VENV / "Lib" / "site-packages"
    return next(iter(VENV.glob("lib/python3*/site-packages")), VENV / "lib")


def dist_infos():
    """Names and versions of the packages that are wholly there."""
    return {path.parent.stem for path in site_packages().glob("*.dist-info/RECORD")}


def why_pip_failed(log):
    """One line from pip's many."""
    errors = [line[7:] for line in log.splitlines() if line.startswith("ERROR: ")]
    last = errors[-1] if errors else (log.strip().splitlines() or ["pip said nothing"])[-1]
    if re.search(r"No space left|Disk quota|Errno 28|Errno 122", log):
        return f"the disk of {HERE} is full: about 3 GB are needed; then start again"
    offline = r"NewConnectionError|NameResolution|ConnectTimeout|ReadTimeout|ProxyError|Max retries"
    if re.search(offline + r"|Network is unreachable|Connection refused|SSLError", log):
        return (
            "packages could not be fetched: no connection to the package index; check the "
            "network or pip's own settings (proxy, index), then start again"
        )
    return f"pip could not install everything: {' '.join(last.split())}; all it said: {LOG}"


@contextlib.contextmanager
def locked():
    """Only one set-up at a time; the system lets go of the lock when its process ends."""
    with LOCK.open("a+") as file:
        waiting = False
        while True:
            try:
                take_lock(file)
                break
            except OSError:
                if not waiting:
                    say("another start is setting up: waiting for it")
                waiting = True
                time.sleep(0.5)
        yield


def take_lock(file):
    """Raises OSError while another process holds it."""
    if WINDOWS:
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def say(words):
    """Progress goes to stderr: stdout belongs to the command that follows."""
    print(words, file=sys.stderr, flush=True)


# --- handing over -----------------------------------------------------------------------------


def hand_over(arguments):
    """Become the real command where the system can; its exit code is ours."""
    command = [str(PYTHON), *arguments]
    if not WINDOWS:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode


def run_tests(words):
    """Lint, format, tests; all three are run, and any that fails makes the exit code 1."""
    failed = []
    environment = {"OMP_NUM_THREADS": "1", **os.environ}  # workers share the cores
    for name, arguments in (
        ("ruff check", ["-m", "ruff", "check", "."]),
        ("ruff format", ["-m", "ruff", "format", "--check", "."]),
        ("pytest", ["-m", "pytest", *spread(words), *words]),
    ):
        command = [str(PYTHON), *arguments]
        code = subprocess.run(command, cwd=HERE, env=environment, check=False).returncode
        if code:
            failed.append(f"{name} ({code})")
    if failed:
        print(f"hnc: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def spread(words):
    """Two workers pay on two cores; more of them would load torch more often than they save."""
    chosen = any(word.startswith(("-n", "--pdb", "-s", "--collect-only", "--co")) for word in words)
    return [] if chosen or (os.cpu_count() or 1) < 2 else ["-n", "2"]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
