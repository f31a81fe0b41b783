"""The document of the API (OpenAPI 3.1), for programs as JSON and for people as a page."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from webmap.api.blueprint import Api
from webmap.api.schemas import GEOMETRIES
from webmap.caching import ask_again
from webmap.gates import Open, gated

document = Blueprint("api_document", __name__)

_EXTENSION = "commongreen-api"
_ABOUT = """What the pages do, for programs.

Failures are `application/problem+json` (RFC 9457) with every fault in `problems`. Answers carry
an `ETag`; a change of a case needs it as `If-Match`, 428 without and 412 where somebody else
was faster. Days are of the community's time zone, geometry is GeoJSON in EPSG:4326, areas are
in m2 of the community's survey CRS."""
SECURITY = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "commongreen",
        "description": "The session of somebody who has logged in. A POST also carries the page's"
        " token in the header `X-CSRFToken`.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of an account, for programs.",
    },
}


@dataclass(frozen=True)
class Operation:
    """A line of the page: what can be asked, where and with what."""

    id: str
    method: str
    path: str
    parameters: list[dict[str, Any]]


def make_api(app: Any) -> Api:
    """Return the document of ``app``, without operations yet."""
    app.config.update(API_TITLE="Common Green", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": _ABOUT},
            "servers": [{"url": "/", "description": "This server."}],
            "security": [{name: []} for name in SECURITY],
        },
    )
    for name, scheme in SECURITY.items():
        api.spec.components.security_scheme(name, scheme)
    for kind, shape in GEOMETRIES.items():
        api.spec.components.schema(kind, shape)
    app.extensions[_EXTENSION] = api
    return api


@document.get("/api/v1/openapi.json")
@gated(Open.LOGGED_IN)
def openapi() -> ResponseReturnValue:
    """Answer with the document."""
    return ask_again(jsonify(read_document()))


@document.get("/api")
@gated(Open.LOGGED_IN)
def api_page() -> ResponseReturnValue:
    """Show what can be asked."""
    operations: dict[str, list[Operation]] = {}
    for path, methods in read_document()["paths"].items():
        for method, told in methods.items():
            if method != "parameters":
                parameters = [*methods.get("parameters", ()), *told.get("parameters", ())]
                named = Operation(told["operationId"], method.upper(), path, parameters)
                operations.setdefault(told["tags"][0], []).append(named)
    return render_template(
        "api.html", operations=operations, nouns=noun_words(), titles=operation_words()
    )


def read_document() -> dict[str, Any]:
    """Return the document of the running application."""
    found: dict[str, Any] = current_app.extensions[_EXTENSION].spec.to_dict()
    return found


def noun_words() -> dict[str, str]:
    """Return the heading of each noun, in the reader's language."""
    return {
        "places": gettext("Places"),
        "parcels": gettext("Parcels"),
        "cases": gettext("Cases"),
        "visits": gettext("Household visits"),
        "clock": gettext("Deadlines and objections"),
        "assignment": gettext("Who works on cases"),
        "photographs": gettext("Photographs"),
        "patrols": gettext("Patrols"),
        "declarations": gettext("Declarations of households"),
        "household": gettext("My household"),
        "lanes": gettext("Lanes"),
        "work": gettext("My work"),
        "submissions": gettext("Field capture"),
        "field": gettext("What phones take along"),
        "reviews": gettext("Review of submissions"),
        "uploads": gettext("Photographs from the field"),
        "tips": gettext("Tips"),
        "edits": gettext("Edits of outlines"),
        "campaigns": gettext("Campaigns"),
        "bodies": gettext("Bodies"),
        "meetings": gettext("Meetings"),
        "announcements": gettext("Announcements"),
        "papers": gettext("Papers"),
        "findings": gettext("Findings on ground"),
        "observations": gettext("Observations"),
        "sites": gettext("Sites"),
        "own_account": gettext("My account"),
        "accounts": gettext("Accounts"),
    }


def operation_words() -> dict[str, str]:
    """Return what each operation does, in the reader's language."""
    return {
        **_reading_words(),
        **_case_words(),
        **_community_words(),
        **_campaign_words(),
        **_field_words(),
        **_account_words(),
    }


def _field_words() -> dict[str, str]:
    return {
        "field_areas": gettext("Lanes and buildings that a phone can prepare"),
        "field_bundle": gettext("Everything of some buildings that a phone needs without a signal"),
        "submission_list": gettext("Submissions, all or the own ones"),
        "submission_photographs": gettext("Photographs of a submission that have arrived"),
        "observation_submissions": gettext("What inspectors sent that became an observation"),
        "case_submissions": gettext("What inspectors sent of the ground of a case"),
        "whole_submission": gettext("One submission with what was decided"),
        "accept_submission": gettext("Let a submission become an observation, flagged at once"),
        "merge_submission": gettext("Let several submissions become one observation"),
        "return_submission": gettext("Send a submission back with the reason"),
        "send_submission": gettext("Keep what an inspector marked, under the phone's identifier"),
        "begin_upload": gettext("Announce a photograph, or ask how far it has come"),
        "upload_progress": gettext("How much of a file has come, and its receipt once it is kept"),
        "send_piece": gettext("Send the next piece of a file; what came of it is kept"),
    }


def _reading_words() -> dict[str, str]:
    return {
        "place_list": gettext("Communities and regions of the account"),
        "place_figures": gettext("Official figures as of a day"),
        "place_status": gettext("Public-green parcels by status on a day"),
        "place_communities": gettext("Communities within a box, each with its parcels by status"),
        "place_days": gettext("Days on which the map changed"),
        "place_search": gettext("Find by part of a name, ref or number"),
        "parcel_matches": gettext("Find all parcels by a text"),
        "parcel": gettext("Everything about one parcel"),
        "case_list": gettext("List cases, a page at a time"),
        "whole_case": gettext("One case with its history and its next moves"),
        "case_history": gettext("What happened to a case"),
        "case_ground": gettext("The polygons of a case, then and now"),
        "possible_moves": gettext("What may happen to a case next"),
        "case_visits": gettext("Visits of the household of a case"),
        "case_deadline": gettext("Where the clock of a case stands"),
        "case_objections": gettext("Objections of the household of a case"),
        "case_assignment": gettext("Who works on a case"),
        "case_difficulty": gettext("How hard a case is"),
        "case_photographs": gettext("Photographs of a case"),
        "photograph_copy": gettext("A copy of a photograph"),
        "photograph_original": gettext("A photograph as it came"),
        "case_patrols": gettext("Patrols of a case"),
    }


def _case_words() -> dict[str, str]:
    return {
        "move_case": gettext("Make one move of a case"),
        "record_case_visit": gettext("Record a visit"),
        "new_visit_record": gettext("Issue the record of a visit"),
        "extend_deadline": gettext("Give the household of a case more time"),
        "lodge_objection": gettext("Record an objection"),
        "decide_case_objection": gettext("Decide the open objection of a case"),
        "assign_case": gettext("Assign a housekeeper or an inspector to a case"),
        "rank_case": gettext("Set how hard a case is"),
        "reassign_ground": gettext("Let another household answer for ground of a case"),
        "confirm_case_ground": gettext("Verify ground that was found since"),
        "withdraw_from_case": gettext("Withdraw an observation that a case rests on"),
        "add_photograph": gettext("Add a photograph of a case"),
        "record_patrol": gettext("Record what a patrol found"),
        "make_declaration_link": gettext("Make a one-time link for a household"),
        "own_household": gettext("Cases of the own household"),
        "own_paper_pdf": gettext("A paper of the own household as PDF"),
        "own_paper_docx": gettext("A paper of the own household as docx"),
        "declare_own_case": gettext("Declare that the own household clears"),
        "object_to_own_case": gettext("Object to a case of the own household"),
    }


def _community_words() -> dict[str, str]:
    return {
        "assign_cases": gettext("Assign several cases at once"),
        "place_workers": gettext("Who can be assigned"),
        "due_patrols": gettext("Patrols due by a day"),
        "place_lanes": gettext("Lanes with their housekeepers and buildings"),
        "add_lane": gettext("Make a lane of buildings, named or drawn around"),
        "change_lane": gettext("Change a lane"),
        "drop_lane": gettext("Remove a lane"),
        "place_work": gettext("What waits for the account today"),
        "undecided_observations": gettext("Observations that nobody answers for"),
        "record_observation": gettext("Keep what was seen, and flag it at once"),
        "whole_observation": gettext("One observation with what it takes"),
        "answer_for_observation": gettext("Say who answers for an observation"),
        "withdraw_observation": gettext("Withdraw an observation that was wrong"),
        "place_sites": gettext("Sites of a community"),
        "new_site": gettext("Enter a site"),
        "site_progress": gettext("Bring a site to a later state"),
        "features_to_edit": gettext("Rows of a layer with their versions"),
        "edit_history": gettext("Edits of outlines, before and after"),
        "make_edit": gettext("Draw, change, split, merge or remove outlines"),
        "undo_edit": gettext("Take an edit of outlines back"),
        "place_tips": gettext("Tips, for those who check them"),
        "keep_tip": gettext("Keep what a neighbour told"),
        "check_one_tip": gettext("Confirm or dismiss a tip"),
    }


def _campaign_words() -> dict[str, str]:
    return {
        "campaign_list": gettext("Campaigns of a community, each with how it stands"),
        "new_campaign": gettext("Begin a campaign"),
        "whole_campaign": gettext("One campaign and how it stands"),
        "change_campaign": gettext("Change in which order a campaign takes its cases"),
        "finish_campaign": gettext("End a campaign with what came of it"),
        "announceable_cases": gettext("Cases that an announcement may choose"),
        "body_list": gettext("Bodies that carry the campaigns of a community"),
        "new_body": gettext("Add a body to a community"),
        "meeting_list": gettext("Meetings of a campaign, a page at a time"),
        "new_meeting": gettext("Record a joint meeting"),
        "whole_meeting": gettext("One meeting with its attendance and its resolutions"),
        "new_minutes": gettext("Issue the minutes of a meeting"),
        "announcement_list": gettext("Announcements of a campaign, a page at a time"),
        "new_announcement": gettext("Issue an announcement"),
        "whole_announcement": gettext("One announcement with its paper and its postings"),
        "new_posting": gettext("Record where an announcement was posted"),
        "paper_list": gettext("Papers of a community, a page at a time"),
        "whole_paper": gettext("One paper with all that it says"),
        "paper_pdf": gettext("A paper as PDF"),
        "paper_docx": gettext("A paper as docx"),
        "new_correction": gettext("Correct a text of a paper, in a new version"),
    }


def _account_words() -> dict[str, str]:
    return {
        "own_account": gettext("The own account"),
        "change_profile": gettext("Take another name or language"),
        "confirm_own_password": gettext("Give the own password again"),
        "change_own_password": gettext("Change the own password"),
        "begin_factor": gettext("Make the key of a second factor"),
        "confirm_factor": gettext("Set the second factor by a code of it"),
        "drop_own_factor": gettext("Remove the own second factor"),
        "new_recovery_codes": gettext("Make new recovery codes"),
        "new_token": gettext("Make an access token"),
        "end_own_token": gettext("End one of the own access tokens"),
        "account_list": gettext("Accounts of the own places, a page at a time"),
        "new_account": gettext("Open an account with its first role"),
        "waiting_grants": gettext("Roles that wait for a second person"),
        "grantable_places": gettext("Places where the account may give roles"),
        "whole_account": gettext("One account with its roles and its history"),
        "set_account_state": gettext("Close an account, or open it again"),
        "remove_account_factor": gettext("Take a lost second factor off an account"),
        "new_reset_link": gettext("Make a link to set a new password"),
        "new_membership": gettext("Give or propose a role"),
        "approve_grant": gettext("Approve a role as the second person"),
        "revoke_grant": gettext("End a role, or withdraw a proposal"),
    }
