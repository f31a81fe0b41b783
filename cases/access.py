"""Who may what: code asks for permissions, roles only grant them (SAFETY, "Who may what")."""

import enum
from collections.abc import Iterable


class Permission(enum.StrEnum):
    """Everything that can be allowed, sorted by name."""

    ACCOUNTS_MANAGE = "accounts:manage"
    CAMPAIGN_EDIT = "campaign:edit"
    CAMPAIGN_READ = "campaign:read"
    CASE_ACCEPT = "case:accept"
    CASE_ANNOUNCE = "case:announce"
    CASE_ASSIGN = "case:assign"
    CASE_DECLARE = "case:declare"
    CASE_EXTEND = "case:extend"
    CASE_INSPECT = "case:inspect"
    CASE_READ = "case:read"
    CASE_REFER = "case:refer"
    CASE_VERIFY = "case:verify"
    CASE_VISIT = "case:visit"
    CONTACT_READ = "contact:read"
    DOCUMENT_ISSUE = "document:issue"
    FIELD_CAPTURE = "field:capture"
    FIELD_READ = "field:read"
    FIELD_REVIEW = "field:review"
    FIGURES_READ = "figures:read"
    GEOMETRY_EDIT = "geometry:edit"
    LANES_EDIT = "lanes:edit"
    LAYERS_EXPORT = "layers:export"
    LAYERS_IMPORT = "layers:import"
    MAP_READ = "map:read"
    OBJECTION_DECIDE = "objection:decide"
    OBJECTION_LODGE = "objection:lodge"
    PHOTOGRAPH_ADD = "photograph:add"
    PHOTOGRAPH_ORIGINAL = "photograph:original"
    SITES_EDIT = "sites:edit"
    TIP_ADD = "tip:add"
    TIP_CHECK = "tip:check"


class Role(enum.StrEnum):
    """What an account may be within a region or community."""

    RESIDENT = "resident"
    LANE_HOUSEKEEPER = "lane_housekeeper"
    INSPECTOR = "inspector"
    PLANNER = "planner"
    SECRETARY = "secretary"
    OFFICIAL = "official"
    ADMIN = "admin"


_READ = frozenset(
    {
        Permission.CAMPAIGN_READ,
        Permission.CASE_READ,
        Permission.FIGURES_READ,
        Permission.MAP_READ,
    }
)
# What everybody who goes to a household may bring back from there.
_FIELD = frozenset(
    {
        Permission.CASE_DECLARE,
        Permission.OBJECTION_LODGE,
        Permission.PHOTOGRAPH_ADD,
        Permission.TIP_ADD,
    }
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.RESIDENT: frozenset(),
    # Its one paper, the record of an own visit, comes with the visit (cases.visit_records).
    Role.LANE_HOUSEKEEPER: _READ | _FIELD | {Permission.CASE_VISIT, Permission.CONTACT_READ},
    Role.INSPECTOR: _READ
    | _FIELD
    | {
        Permission.CASE_ACCEPT,
        Permission.CASE_INSPECT,
        Permission.CASE_VERIFY,
        Permission.FIELD_CAPTURE,
        Permission.FIELD_READ,
        Permission.PHOTOGRAPH_ORIGINAL,
        Permission.TIP_CHECK,
    },
    Role.PLANNER: _READ
    | {
        Permission.GEOMETRY_EDIT,
        Permission.LANES_EDIT,
        Permission.LAYERS_EXPORT,
        Permission.LAYERS_IMPORT,
        Permission.SITES_EDIT,
    },
    Role.SECRETARY: _READ
    | _FIELD
    | {
        Permission.CAMPAIGN_EDIT,
        Permission.CASE_ACCEPT,
        Permission.CASE_ANNOUNCE,
        Permission.CASE_ASSIGN,
        Permission.CASE_EXTEND,
        Permission.CASE_REFER,
        Permission.CASE_VISIT,
        Permission.CONTACT_READ,
        Permission.DOCUMENT_ISSUE,
        Permission.FIELD_READ,
        Permission.FIELD_REVIEW,
        Permission.LANES_EDIT,
        Permission.LAYERS_EXPORT,
        Permission.OBJECTION_DECIDE,
        Permission.PHOTOGRAPH_ORIGINAL,
        Permission.TIP_CHECK,
    },
    Role.OFFICIAL: frozenset({Permission.CASE_READ, Permission.FIGURES_READ}),
    Role.ADMIN: frozenset({Permission.ACCOUNTS_MANAGE}),
}


# A grant of one of these takes effect only when a second admin has approved it.
TWO_PERSON_ROLES = frozenset({Role.SECRETARY, Role.OFFICIAL, Role.ADMIN})


def permissions(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return everything that ``roles`` together allow."""
    return frozenset().union(*(GRANTS[role] for role in roles))
