"""What panel code may use of qt, ctk and the qMRML widgets; anything else is refused by name.

A short list keeps the stand-in honest: each name here behaves as in desktop Slicer as far as the
panels go, and a new one is added together with what makes it so. The list binds the modules and
``HNCLogic``; the stand-in itself, its tests and Slicer's own ``slicer.util`` may use all of Qt.
"""

from __future__ import annotations

# Classes of PythonQt's `qt` module: the named enumerations; widgets; what these inherit their
# enumerations from; layouts; pictures and colours; data; the application.
QT_NAMES = """
Qt
QWidget QLabel QPushButton QToolButton QCheckBox QRadioButton QButtonGroup QComboBox QLineEdit
QSpinBox QDoubleSpinBox QProgressBar QTableWidget QTableWidgetItem QTextBrowser QDialog
QDialogButtonBox QFileDialog QMenu QAction QGroupBox QFrame
QAbstractItemView QHeaderView
QLayout QFormLayout QVBoxLayout QHBoxLayout QGridLayout QSizePolicy
QPixmap QImage QImageReader QIcon QColor QPalette QFont QCursor
QBuffer QByteArray QIODevice QUrl QSize QPoint
QTimer QDesktopServices QEvent QObject
"""
QT = frozenset(QT_NAMES.split())

CTK = frozenset(("ctkCollapsibleButton", "ctkSliderWidget"))

QMRML = frozenset(("qMRMLWidget", "qMRMLNodeComboBox"))

UI_NAMES = """
QWidget QLabel QPushButton QToolButton QCheckBox QRadioButton QComboBox QLineEdit QSpinBox
QDoubleSpinBox QProgressBar QTableWidget QTextBrowser QGroupBox QFrame
"""
# Widgets that a .ui file may hold; layouts and spacers lie between them.
UI_WIDGETS = CTK | QMRML | frozenset(UI_NAMES.split())
UI_LAYOUTS = frozenset(("QFormLayout", "QVBoxLayout", "QHBoxLayout", "QGridLayout"))

# Protected in C++: PySide6 gives them to all, PythonQt to none.
PYSIDE_ONLY = frozenset(("sender", "receivers", "senderSignalIndex", "isSignalConnected"))

# Whose code is not bound by the list, by the start of the module's name.
UNBOUND = ("Testing.", "slicer.util", "slicer.ScriptedLoadableModule")


def is_bound(module_name: str) -> bool:
    """Whether the code of the module of that name has to keep to the list."""
    return not module_name.startswith(UNBOUND)
