"""The words of the map and of enumerations, in a reader's language: catalogue ``map``."""

from pathlib import Path

from webmap.toml_words import WordList

SOURCE = Path(__file__).with_name("map_words.toml")
MAP = WordList("map", (SOURCE,))
load_words = MAP.load
