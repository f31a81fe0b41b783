"""500 hostile texts, and the columns of the database that a person's text reaches.

A text is made of a payload and a mark that names its column and its row, so that it is
found again wherever it stands. What would run opens a dialog; what would be evaluated
leaves the product of 1337 and 7331.
"""

from collections.abc import Callable
from itertools import islice, product
from typing import Any

from sqlalchemy import Enum, String, Text

from cases.models import (
    AccessToken,
    Account,
    Announcement,
    Body,
    Campaign,
    Case,
    CaseEvent,
    DocumentRecord,
    Finding,
    Lane,
    Meeting,
    Objection,
    Patrol,
    Photograph,
    Posting,
    Resolution,
    Tip,
    Visit,
)
from layers.models import (
    Base,
    Building,
    Community,
    Household,
    Observation,
    Parcel,
    Region,
    Resident,
    Site,
    Survey,
)

COUNT = 500
PRODUCT = "9801547"
# With its mark a text fits the shortest column of 64 characters.
LONGEST = 54

BASES = (
    # Templates of servers and of scripts.
    "{{1337*7331}}",
    "{%print(1337*7331)%}",
    "{{''.__class__.__mro__}}",
    "{{config.items()}}",
    "{#{{1337*7331}}#}",
    "${1337*7331}",
    "#{1337*7331}",
    "<%=1337*7331%>",
    "[[${1337*7331}]]",
    "`${alert(1)}`",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "%(name)s %s %n {0.__class__} {ref}",
    # Elements and attributes.
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<b onmouseover=alert(1)>bold",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "' autofocus onfocus=alert(1) x='",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>here</a>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "<base href=//example.org>",
    "<meta http-equiv=refresh content=0>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<style>*{display:none}</style>",
    "<template><img src=x onerror=alert(1)>",
    "<math><mtext><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "<<b>>alert(1)<</b>>",
    # Strings of scripts and of JSON.
    "');alert(1)//",
    '");alert(1)//',
    "\\');alert(1)//",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    '"}]}</script><script>alert(1)</script>',
    "__proto__",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    # Databases.
    "' OR '1'='1",
    "'; DROP TABLE case_file; --",
    "\\'; DROP TABLE visit; --",
    "%_%' ESCAPE '\\",
    "1) UNION SELECT password FROM account --",
    # Spreadsheets, headers, paths and shells.
    "=cmd|' /C calc'!A0",
    "+1337*7331",
    "-1337*7331",
    "@SUM(1337*7331)",
    '=HYPERLINK("http://example.org";"x")',
    "x%0d%0aSet-Cookie: a=b",
    "../../../etc/passwd",
    "/vsicurl/http://example.org/x",
    "file:///etc/passwd",
    "$(id) `id` | id",
    # Writing itself.
    "\u202egnitirw desrever\u202c",
    "\u200fשלום\u200e",
    "zero\u200bwidth\u2060joined\ufeff",
    "Z\u0336\u0338a\u0337l\u0334g\u0335o",
    "\u2028line\u2029paragraph",
    "👩\u200d🌾🏳️\u200d🌈",
    "＜script＞alert(1)＜/script＞",
    "İıſK",
)
CHANGES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: f"绿地{text}",
    lambda text: text.replace("alert", "confirm").replace("1337", "'1337'"),
    lambda text: text.replace("<", "%3C").replace(">", "%3E"),
    str.swapcase,
    lambda text: text.replace("script", "scr<script>ipt"),
    lambda text: text.replace("(1)", "`1`"),
    lambda text: f"{text}<i>",
    lambda text: f"{{{{7*7}}}}{text}",
    lambda text: f"'\"{text}",
)
TEXTS = tuple(
    islice(
        dict.fromkeys(
            text for change, base in product(CHANGES, BASES) if len(text := change(base)) <= LONGEST
        ),
        COUNT,
    )
)

# Every table that holds a text of a person; of the others each text is the program's own.
TABLES: tuple[type[Base], ...] = (
    Region,
    Community,
    Survey,
    Building,
    Household,
    Parcel,
    Observation,
    Site,
    Campaign,
    Case,
    CaseEvent,
    Finding,
    Body,
    Meeting,
    Resolution,
    DocumentRecord,
    Announcement,
    Posting,
    Visit,
    Lane,
    Objection,
    Patrol,
    Photograph,
    Tip,
    Resident,
    Account,
    AccessToken,
)
# Texts in these tables that no person chooses: codes in addresses, hashes, words of the
# program, and addresses of accounts, which the door holds to the form of an e-mail.
OWN = {
    "region": {"code"},
    "community": {"code", "time_zone", "calendar"},
    "survey": {"delivers", "crs", "transform", "file_sha256"},
    "case_event": {"event"},
    "access_token": {"revoked_by"},
    "resident": {"role"},
    "photograph": {"media_type"},
    "account": {
        "email",
        "password",
        "fs_uniquifier",
        "language",
        "tf_primary_method",
        "tf_totp_secret",
    },
}


def columns(table: type[Base]) -> list[str]:
    """Return the columns of a table in which a text of a person stands."""
    return [
        column.name
        for column in table.__table__.columns
        if isinstance(column.type, String | Text)
        and not isinstance(column.type, Enum)
        and column.name not in OWN.get(table.__tablename__, set())
    ]


COLUMNS = [(table, name) for table in TABLES for name in columns(table)]
_NUMBERS = {(table, name): number for number, (table, name) in enumerate(COLUMNS)}


def text_of(table: type[Base], column: str, row: int) -> str:
    """Return the text of a column in one of 500 rows: each row has another payload."""
    return f"{TEXTS[row]}~{_NUMBERS[table, column]:x}.{row}~"


def texts_of(table: type[Base], row: int, *left_out: str) -> dict[str, Any]:
    """Return the texts of a row, by column."""
    return {name: text_of(table, name, row) for name in columns(table) if name not in left_out}
