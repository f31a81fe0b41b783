"""The pages, a module for each noun; every blueprint is in :data:`BLUEPRINTS`."""

from flask import Blueprint

from webmap.pages.cases import cases
from webmap.pages.places import pages

BLUEPRINTS: tuple[Blueprint, ...] = (pages, cases)
