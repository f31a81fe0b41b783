"""Who may what: code asks for permissions, roles only grant them (SAFETY, "Who may what")."""

import enum
from collections.abc import Iterable


class Permission(enum.StrEnum):
    """Everything that can be allowed, sorted by name."""

    ACCOUNTS_MANAGE = "accounts:manage"
    CASE_ACCEPT = "case:accept"
    CASE_ANNOUNCE = "case:announce"
    CASE_DECLARE = "case:declare"
    CASE_INSPECT = "case:inspect"
    CASE_READ = "case:read"
    CASE_REFER = "case:refer"
    CASE_VERIFY = "case:verify"
    CASE_VISIT = "case:visit"
    FIGURES_READ = "figures:read"
    LAYERS_EXPORT = "layers:export"
    LAYERS_IMPORT = "layers:import"
    MAP_READ = "map:read"
    SITES_EDIT = "sites:edit"


class Role(enum.StrEnum):
    """What an account may be within a region or community."""

    RESIDENT = "resident"
    LANE_HOUSEKEEPER = "lane_housekeeper"
    INSPECTOR = "inspector"
    PLANNER = "planner"
    SECRETARY = "secretary"
    OFFICIAL = "official"
    ADMIN = "admin"


_READ = frozenset({Permission.MAP_READ, Permission.CASE_READ, Permission.FIGURES_READ})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.RESIDENT: frozenset(),
    Role.LANE_HOUSEKEEPER: _READ | {Permission.CASE_VISIT, Permission.CASE_DECLARE},
    Role.INSPECTOR: _READ
    | {
        Permission.CASE_VERIFY,
        Permission.CASE_INSPECT,
        Permission.CASE_ACCEPT,
        Permission.CASE_DECLARE,
    },
    Role.PLANNER: _READ
    | {Permission.LAYERS_IMPORT, Permission.LAYERS_EXPORT, Permission.SITES_EDIT},
    Role.SECRETARY: _READ
    | {
        Permission.CASE_ANNOUNCE,
        Permission.CASE_ACCEPT,
        Permission.CASE_DECLARE,
        Permission.CASE_REFER,
        Permission.CASE_VISIT,
        Permission.LAYERS_EXPORT,
    },
    Role.OFFICIAL: frozenset({Permission.FIGURES_READ}),
    Role.ADMIN: frozenset({Permission.ACCOUNTS_MANAGE}),
}


# A grant of one of these takes effect only when a second admin has approved it.
TWO_PERSON_ROLES = frozenset({Role.SECRETARY, Role.OFFICIAL, Role.ADMIN})


def permissions(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return everything that ``roles`` together allow."""
    return frozenset().union(*(GRANTS[role] for role in roles))
