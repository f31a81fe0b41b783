"""The pages, a module for each noun; every blueprint is in :data:`BLUEPRINTS`."""

from flask import Blueprint

from webmap.pages.clock import clock_pages
from webmap.pages.places import pages

BLUEPRINTS: tuple[Blueprint, ...] = (pages, clock_pages)
