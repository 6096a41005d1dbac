"""An SVG as a picture for a label, drawn at the screen's own resolution."""

from __future__ import annotations

import qt


def svg_pixmap(picture: str, ratio: float = 1.0) -> qt.QPixmap:
    """``picture``, whose root has a width and a height, at ``ratio`` pixels for each of its own.

    What it does not paint stays transparent. Raises RuntimeError where Qt cannot draw it.
    """
    data = qt.QByteArray(picture.encode("ascii", "xmlcharrefreplace"))
    buffer = qt.QBuffer()
    buffer.setData(data)
    buffer.open(qt.QIODevice.ReadOnly)
    reader = qt.QImageReader(buffer, qt.QByteArray(b"svg"))
    size = reader.size()
    reader.setScaledSize(qt.QSize(round(size.width() * ratio), round(size.height() * ratio)))
    image = reader.read()
    buffer.close()
    if image.isNull():
        raise RuntimeError(f"the picture could not be drawn: {reader.errorString()}")
    pixmap = qt.QPixmap.fromImage(image)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
