"""The pages, a module for each noun; every blueprint is in :data:`BLUEPRINTS`.

The list of cases adds its routes to the blueprint of the cases, the files of phones theirs to
that of the submissions.
"""

from flask import Blueprint

from webmap.pages import case_list as case_list
from webmap.pages import field_imports as field_imports
from webmap.pages.assignments import assignments
from webmap.pages.campaigns import campaign_pages
from webmap.pages.cases import cases
from webmap.pages.clock import clock_forms
from webmap.pages.declarations import declarations
from webmap.pages.editor import editor
from webmap.pages.enclosures import enclosures
from webmap.pages.field import field_pages
from webmap.pages.findings import findings
from webmap.pages.household import household
from webmap.pages.lanes import lanes
from webmap.pages.observations import observations
from webmap.pages.papers import paper_pages
from webmap.pages.patrols import patrols
from webmap.pages.photographs import photograph_pages
from webmap.pages.places import pages
from webmap.pages.sites import sites
from webmap.pages.submissions import submissions
from webmap.pages.tips import tips
from webmap.pages.visits import visit_forms
from webmap.pages.work import work

BLUEPRINTS: tuple[Blueprint, ...] = (
    pages,
    cases,
    clock_forms,
    findings,
    visit_forms,
    campaign_pages,
    paper_pages,
    assignments,
    patrols,
    declarations,
    household,
    lanes,
    work,
    tips,
    observations,
    enclosures,
    sites,
    editor,
    photograph_pages,
    field_pages,
    submissions,
)
