"""The packages that an answer needs beside Slicer's own: asked for and installed on first use.

PyTorch comes through the PyTorch extension, the rest by pip from one requirements file. Nothing
happens at import or when a panel opens, and this application never imports torch itself: whether
all is there is read off the installed packages' names, and after an installation a child process
imports them.
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import slicer
import slicer.packaging  # which Slicer does not import by itself
from slicer.i18n import tr as _

from HNCLogic.inference.backends import OPENVINO, openvino_is_quicker
from HNCLogic.resources import resource_folder

log = logging.getLogger(__name__)

REQUESTER = "HNC"
TORCH = "torch>=2.5"
VERIFY_S = 120.0  # the first import of torch on a slow disk

Ask = Callable[[str], bool]


def requirements_file() -> Path:
    """What pip installs, one requirement a line; torch is not among them."""
    return resource_folder() / "requirements.txt"


def missing() -> list[str]:
    """The requirements that are not met, torch first. Reads names and versions, imports nothing."""
    return [each for each in (TORCH, *_pip_requirements()) if not slicer.packaging.pip_check(each)]


def ensure(ask: Ask | None = None, launch: Callable | None = None) -> bool:
    """True where everything is there, or was installed now because the user agreed.

    ``ask``: puts a question, True for yes; the default is Slicer's own dialogue. ``launch``: as
    ``slicer.util.launchConsoleProcess``. Whatever goes wrong is told to the user, and False.
    """
    lacking = missing()
    if not lacking:
        return True
    if not (ask or _ask)(_question(lacking)):
        log.info("the user did not want packages to be installed")
        return False
    if TORCH in lacking and not _torch_installed():
        return False
    problem = _pip_problem(_pip_requirements())
    if problem is not None:
        return _refuse(_("The packages could not be installed."), problem)
    still = missing()
    if still:
        return _refuse(_("Still missing: {names}.").format(names=", ".join(still)))
    problem = _import_problem((TORCH, *_pip_requirements()), launch)
    if problem is not None:
        return _refuse(_("The packages are installed but do not work."), problem)
    return True


def offers_openvino() -> bool:
    """Could it make this computer quicker, and is it not installed? Nothing needs it."""
    return openvino_is_quicker() and not slicer.packaging.pip_check(OPENVINO)


def install_openvino(ask: Ask | None = None, launch: Callable | None = None) -> bool:
    """True where it was installed now because the user, asked, agreed; arguments as of ``ensure``.

    What goes wrong is told; answers are then computed as before, for nothing needs it.
    """
    words = _(
        "OpenVINO, a free library by Intel, can outline lesions in a fraction of the time on a "
        "computer without a suitable graphics card. It is not needed: without it answers are the "
        "same but for rounding, and take longer."
    )
    end = _("It is added to Slicer's own Python (about 100 MB). Install it now?")
    if not (ask or _ask)(f"{words}\n\n  {OPENVINO}\n\n{end}"):
        return False
    problem = _pip_problem([OPENVINO])
    if problem is None and offers_openvino():
        problem = _("pip did not install it.")
    if problem is None:
        problem = _import_problem((OPENVINO,), launch)
    if problem is None:
        return True
    slicer.util.errorDisplay(
        _("OpenVINO could not be installed: everything works as before, without it."),
        detailedText=problem,
    )
    return False


def instructions() -> str:
    """How to install without a network: what to fetch elsewhere, and what to type here."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = {"win32": "win_amd64", "darwin": "macosx_12_0_arm64"}.get(
        sys.platform, "manylinux_2_28_x86_64"
    )
    # PEP 600 wheels are also published under the older names.
    more = "" if system != "manylinux_2_28_x86_64" else " --platform manylinux2014_x86_64"
    wheels = f"--only-binary=:all: --python-version {version} --platform {system}{more}"
    names = " ".join(f'"{each}"' for each in _pip_requirements())
    return "\n".join(
        (
            _("Without a network, bring the files from a computer that has one:"),
            f"1. pip download -d hnc-packages {wheels} {names}",
            "2. pip download -d hnc-packages --index-url https://download.pytorch.org/whl/cpu "
            f'{wheels} "{TORCH}"',
            _("Copy the folder hnc-packages here. Then, in Slicer's Python console:"),
            "3. slicer.util.pip_install("
            f"'--no-index --find-links FOLDER/hnc-packages \"{TORCH}\" {names}')",
        )
    )


def _pip_requirements() -> list[str]:
    return [str(each) for each in slicer.packaging.load_requirements(requirements_file())]


def _pip_problem(requirements: list[str]) -> str | None:
    """Let pip install what is missing of them; None where that went well, else what is wrong."""
    try:
        slicer.packaging.pip_ensure(
            requirements,
            requester=REQUESTER,
            prompt_install=False,  # asked already, for all of them at once
        )
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        log.error("installing packages failed: %s", error)
        return str(error)
    return None


def _ask(question: str) -> bool:
    return slicer.util.confirmOkCancelDisplay(question, _("Head and neck cancer"))


def _question(lacking: list[str]) -> str:
    names = "\n".join(f"  {each}" for each in lacking)
    words = _("To give an answer, HNC needs Python packages that are not installed yet:")
    size = _("PyTorch is a large download (200 MB, with a GPU up to 3 GB) and takes some minutes.")
    end = _("They are added to Slicer's own Python. Install them now?")
    return "\n\n".join((words, names, *([size] if TORCH in lacking else []), end))


def _torch_installed() -> bool:
    """Install torch through its extension; tells what is wrong where that cannot be."""
    if not hasattr(slicer.modules, "pytorchutils"):
        return _refuse(
            _(
                "PyTorch comes with Slicer's PyTorch extension, which is not installed: open the "
                "Extensions Manager, install PyTorch, restart Slicer and try again."
            )
        )
    import PyTorchUtils

    try:
        # The extension itself imports torch when it is done: this once, on the user's wish.
        torch = PyTorchUtils.PyTorchUtilsLogic().installTorch(
            askConfirmation=False, torchVersionRequirement=TORCH.removeprefix("torch")
        )
    except Exception as error:  # whatever pip, the network or a half-installed torch may raise
        log.error("installing PyTorch failed: %s", error)
        return _refuse(_("PyTorch could not be installed."), str(error))
    if torch is None:
        return _refuse(_("PyTorch was not installed."))
    return True


def _import_problem(requirements: Iterable[str], launch: Callable | None) -> str | None:
    """Import them in a child process; None where it works, else what is wrong."""
    from HNCLogic.panels.awaited_child import run_child
    from HNCLogic.panels.child_python import child_python

    names = [re.match(r"[\w.-]+", each).group() for each in requirements]
    code, lines = run_child(
        [child_python(), "-c", "import " + ", ".join(names)],
        VERIFY_S,
        launch,
        useStartupEnvironment=False,  # PythonSlicer is found and set up by the application's own
    )
    if code is None:
        return _("They could not be imported within two minutes.")
    return None if code == 0 else "\n".join(lines[-5:])


def _refuse(words: str, details: str = "") -> bool:
    """Tell the user, with the way that needs no network; False, for ``ensure`` to hand on."""
    more = {"detailedText": details} if details else {}
    slicer.util.errorDisplay("\n\n".join((words, instructions())), **more)
    return False
