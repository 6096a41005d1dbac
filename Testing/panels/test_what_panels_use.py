"""Our own panels keep to the list of what the stand-in has: read from the files, run or not."""

import ast
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from Testing.host import allowed

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = [REPOSITORY / name for name in ("HNCAnalysis", "HNCSegment", "HNCLogic")]
FILES = sorted(path for folder in FOLDERS for path in folder.rglob("*.py"))
UI_FILES = sorted(
    path for folder in (*FOLDERS, REPOSITORY / "Resources") for path in folder.rglob("*.ui")
)
LISTS = {"qt": allowed.QT, "ctk": allowed.CTK}


def used(tree: ast.AST) -> set[tuple[str, str]]:
    """(module, name) of every qt.X, ctk.X and slicer.q… in a file's code."""
    found = set()
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            module, name = each.value.id, each.attr
            if module in LISTS or (module == "slicer" and name.startswith(("qMRML", "qSlicer"))):
                found.add((module, name))
        elif isinstance(each, ast.ImportFrom) and each.module in LISTS:
            found |= {(each.module, alias.name) for alias in each.names}
    return found


def test_there_are_files_to_look_at():
    assert any(path.name == "HNCAnalysis.py" for path in FILES)
    assert any(path.name == "HNCSegment.py" for path in FILES)
    assert UI_FILES


def test_the_search_finds_what_is_not_listed():
    code = "from qt import QPainter\nqt.QLabel\nslicer.qMRMLThreeDView\nctk.ctkPathLineEdit"
    assert used(ast.parse(code)) == {
        ("qt", "QPainter"),
        ("qt", "QLabel"),
        ("slicer", "qMRMLThreeDView"),
        ("ctk", "ctkPathLineEdit"),
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_code_uses_only_what_is_listed(path):
    for module, name in sorted(used(ast.parse(path.read_text(encoding="utf-8")))):
        assert name in LISTS.get(module, allowed.QMRML), f"{path.name} uses {module}.{name}"


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_ui_files_use_only_what_is_listed(host, path):
    from Testing.host import ui_loader

    ui_loader.check(ElementTree.parse(path).getroot())


def test_the_list():
    """Each name here is one that the stand-in has to answer for; a new one is meant to be seen."""
    assert sorted(allowed.CTK | allowed.QMRML) == [
        "ctkCollapsibleButton",
        "ctkSliderWidget",
        "qMRMLNodeComboBox",
        "qMRMLWidget",
    ]
    assert sorted(allowed.QT) == [
        "QAbstractItemView",
        "QAction",
        "QBuffer",
        "QButtonGroup",
        "QByteArray",
        "QCheckBox",
        "QColor",
        "QComboBox",
        "QCursor",
        "QDesktopServices",
        "QDialog",
        "QDialogButtonBox",
        "QDoubleSpinBox",
        "QEvent",
        "QFileDialog",
        "QFont",
        "QFormLayout",
        "QFrame",
        "QGridLayout",
        "QGroupBox",
        "QHBoxLayout",
        "QHeaderView",
        "QIODevice",
        "QIcon",
        "QImage",
        "QImageReader",
        "QLabel",
        "QLayout",
        "QLineEdit",
        "QMenu",
        "QObject",
        "QPalette",
        "QPixmap",
        "QPoint",
        "QProgressBar",
        "QPushButton",
        "QRadioButton",
        "QSize",
        "QSizePolicy",
        "QSpinBox",
        "QTableWidget",
        "QTableWidgetItem",
        "QTextBrowser",
        "QTimer",
        "QToolButton",
        "QUrl",
        "QVBoxLayout",
        "QWidget",
        "Qt",
    ]
