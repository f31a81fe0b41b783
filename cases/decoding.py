"""One picture at a time, and whole ones only: what Pillow's decoders are held to here.

``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` is one switch for the whole process, and
WeasyPrint turns it on where it is imported: a photograph that was cut off would then
pass as whole. Whoever decodes, and whoever imports such a library, does so in here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile

# A decoded picture may take 200 MB, so a process holds one of them, whoever else waits.
_ONE = threading.Lock()


@contextmanager
def whole_pictures_only() -> Iterator[None]:
    """Refuse what is cut off while the block runs, and leave the switch off behind it."""
    with _ONE:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
