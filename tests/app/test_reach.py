"""Everything can be reached by keyboard and has a name that a screen reader says."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QKeySequenceEdit, QWidget

from archivist_app.app import Application
from tests.app.conftest import trigger

TABS = 120  # more than there are widgets to be reached


def focusable(application: Application) -> list[QWidget]:
    """What somebody can give the focus by keyboard, and sees."""
    widgets = application.window.findChildren(QWidget)
    return [
        widget
        for widget in widgets
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


def name_of(widget: QWidget) -> str:
    """What a screen reader says first."""
    said = widget.accessibleName()
    if not said and isinstance(widget, QAbstractButton):
        said = widget.text()
    return said.strip()


def test_every_widget_that_takes_the_focus_has_a_name(opened: Application) -> None:
    for pad in (True, False):
        opened.window.adjust.show_pad(pad)
        opened.spin(0.05)
        nameless = [f"{type(w).__name__} {w.objectName()}" for w in focusable(opened) if not name_of(w)]
        assert not nameless


def test_the_tab_key_reaches_them_all_and_comes_round(opened: Application) -> None:
    window = opened.window
    window.activateWindow()
    window.compare.setFocus()
    opened.spin(0.05)
    reached: list[QWidget] = []
    for _ in range(TABS):
        now = QApplication.focusWidget()
        assert now is not None
        if reached and now is reached[0]:
            break
        reached.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    else:
        raise AssertionError("the focus never came round")
    names = {name_of(widget) for widget in reached}
    assert {"Comparison of before and after", "Images of the project", "Styles"} <= names
    assert len(reached) >= 12


def test_a_dialog_beside_the_window_is_named_too(opened: Application) -> None:
    trigger(opened, "keys")
    sheet = opened.window.comfort.sheet
    assert sheet is not None
    inner = [w for w in sheet.findChildren(QWidget) if not isinstance(w.parent(), QKeySequenceEdit)]
    reached = [w for w in inner if w.isVisible() and w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert not [type(w).__name__ for w in reached if not name_of(w)]
    sheet.close()
