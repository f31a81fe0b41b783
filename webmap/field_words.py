"""The words of the phone and of the desk editor, in a reader's language: catalogue ``field``."""

from pathlib import Path

from webmap.toml_words import WordList

FOLDER = Path(__file__).with_name("field_words")
FIELD = WordList("field", tuple(sorted(FOLDER.glob("*.toml"))))
