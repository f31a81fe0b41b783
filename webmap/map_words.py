"""The words of the map, in a reader's language.

The catalogues are gettext's, domain ``map`` in ``translations``; English is the
language of the source. They are read without Flask, because an exported map is
written from the command line too.
"""

import functools
from collections.abc import Callable
from pathlib import Path

from babel.support import NullTranslations, Translations

from cases.models import (
    AnswerBasis,
    BodyKind,
    Channel,
    FindingKind,
    OrderOfWork,
    PhotographSubject,
    VisitOutcome,
)
from cases.workflow import Document, State, Status
from layers.models import LinkMethod, LinkRole, ParcelKind, SiteState, StructureType

Words = dict[str, str]
Gettext = Callable[[str], str]

TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "map"
CHINESE = "zh_Hans"


@functools.cache
def load_words(language: str) -> Words:
    """Return the words of ``language``; any Chinese is ``zh_Hans``, all else English."""
    locale = CHINESE if language.startswith("zh") else "en"
    catalogue: NullTranslations = Translations.load(TRANSLATIONS, [locale], DOMAIN)
    return map_words(catalogue.gettext)


def map_words(_: Gettext) -> Words:
    """Return every word by its key; ``{name}`` in a text stands for a value."""
    return {
        **_frame_words(_),
        **_status_words(_),
        **_case_words(_),
        **_event_words(_),
        **_work_problems(_),
        **_feature_words(_),
        **_campaign_words(_),
        **_figure_words(_),
        **_tool_words(_),
        **_error_words(_),
        **_file_words(_),
    }


def _frame_words(_: Gettext) -> Words:
    return {
        "title": _("Community map"),
        "stage": _("Map"),
        "panel": _("Figures and details"),
        "panel.open": _("Open or close the sheet"),
        "tab.figures": _("Figures"),
        "tab.detail": _("Parcel"),
        "map.label": _("Map of {place}: arrows move it, Enter opens what is in the middle"),
        "legend": _("Cleanup status"),
        "legend.all": _("Show all"),
        "legend.counted": _("Counted: {filter}"),
        "legend.fold": _("Fold or unfold the legend"),
        "legend.layers": _("On the map"),
        "legend.bases": _("Background"),
        "base.none": _("None"),
        "layer.encroachments": _("Encroachments"),
        "layer.observations": _("Observed outlines"),
        "layer.buildings": _("Buildings"),
        "layer.landscaping": _("New landscaping"),
        "layer.charging_pile": _("Charging piles, heads"),
        "search.label": _("Search"),
        "search.placeholder": _("Find building, parcel, case"),
        "search.results": _("Results"),
        "search.none": _("Nothing found"),
        "found.building": _("Building"),
        "found.household": _("Household"),
        "found.parcel": _("Parcel"),
        "found.case": _("Case"),
        "found.community": _("Community"),
        "filter.building": _("Building {ref}"),
        "filter.buildingLabel": _("Building"),
        "filter.allBuildings": _("All buildings"),
        "filter.hidden": _("{n} hidden"),
        "filter.text": _("“{text}”"),
        "filter.remove": _("Remove this filter"),
        "communities.several": _("{n} communities"),
        "communities.label": _("{name}: {parcels} parcels"),
        "time.label": _("Day shown on the map"),
        "time.day": _("Day"),
        "time.play": _("Play"),
        "time.pause": _("Pause"),
        "time.previous": _("Previous day with a change"),
        "time.next": _("Next day with a change"),
        "close": _("Close"),
        "cancel": _("Cancel"),
        "retry": _("Try again"),
        "loading": _("Loading"),
    }


def _status_words(_: Gettext) -> Words:
    words = {
        Status.REBOUND: _("Taken again"),
        Status.SUSPECTED: _("Suspected"),
        Status.VERIFIED: _("Verified"),
        Status.ANNOUNCED: _("Announced"),
        Status.CLEARING: _("Being cleared"),
        Status.REFERRED: _("Referred"),
        Status.CLEARED: _("Cleared"),
        Status.CLEAR: _("Found clear"),
        Status.UNKNOWN_TITLE: _("Title unknown"),
        Status.PRIVATE: _("Private"),
        Status.NOT_LOOKED_AT: _("Not looked at"),
    }
    return {f"status.{status}": word for status, word in words.items()}


def _case_words(_: Gettext) -> Words:
    states = {
        State.SUSPECTED: (_("Suspected"), _("Suspect again")),
        State.VERIFIED: (_("Verified"), _("Verify")),
        State.REJECTED: (_("Rejected"), _("Reject")),
        State.ANNOUNCED: (_("Announced"), _("Announce")),
        State.VISITED: (_("Visited"), _("Record a visit")),
        State.SIGNED: (_("Signed"), _("Contract signed")),
        State.DECLINED: (_("Declined"), _("Household declines")),
        State.SELF_CLEARING: (_("Clearing by the household"), _("Household clears")),
        State.ASSISTED: (_("Assisted clearing"), _("Assist the clearing")),
        State.REFERRED: (_("Referred"), _("Refer to the authority")),
        State.INSPECTED: (_("Inspected"), _("Inspect")),
        State.ACCEPTED: (_("Accepted"), _("Accept")),
        State.MONITORING: (_("Monitored"), _("Begin monitoring")),
        State.CLOSED: (_("Closed"), _("Close the case")),
        State.REBOUND: (_("Taken again"), _("Taken again")),
    }
    documents = {
        Document.SURVEY_SHEET: _("Survey sheet (number)"),
        Document.MINUTES: _("Minutes (number)"),
        Document.ANNOUNCEMENT: _("Announcement (number)"),
        Document.VISIT_RECORD: _("Visit record (number)"),
        Document.DEADLINE_NOTICE: _("Deadline notice (number)"),
        Document.OBJECTION_DECISION: _("Objection decision (number)"),
        Document.CREDIT_CONTRACT: _("Credit contract (number)"),
        Document.ASSISTANCE_CONSENT: _("Signed consent with inventory (number)"),
        Document.REFERRAL: _("Referral (number)"),
        Document.ACCEPTANCE_FORM: _("Acceptance form (number)"),
    }
    problems = {
        "document_missing": _("Give the number of the document."),
        "reason_missing": _("Give a reason."),
        "residual_missing": _("Say what is still occupied."),
        "residual_elsewhere": _("What is drawn lies outside what was found occupied."),
        "residual_too_large": _("The re-survey found ground still occupied."),
        "same_person": _("Somebody other than the inspector must do this."),
        "title_doubtful": _("The title of the ground must be known first."),
        "not_permitted": _("Your role may not do this."),
        "wrong_time": _("The time lies before the last event of the case."),
        "move_not_allowed": _("The case is no longer where this step begins."),
        "clock_stands": _("An objection is undecided; decide it first."),
        "deadline_not_passed": _("The household has time until its deadline."),
        "deadline_too_soon": _("The deadline leaves too few working days."),
        "no_working_day": _("That day is not a working day."),
        "not_later": _("That day is not later than the deadline."),
        "extended_too_far": _("The deadline cannot be extended as far as that."),
        "no_deadline": _("The case has no deadline."),
        "objection_open": _("An objection waits for its decision already."),
        "not_objectionable": _("Nothing is asked of the household now."),
        "nothing_to_decide": _("No objection waits for a decision."),
        "wrong_outcome": _("This decision does not lead there."),
        "outcome_missing": _("Say where the upheld objection leads."),
        "grounds_missing": _("Say what the household objects."),
        "unknown_household": _("There is no such household in this community."),
        "same_household": _("This household answers for the ground already."),
        "nothing_to_reassign": _("The case has no such ground."),
        "already_cleared": _("Cleared ground of this case stays in the record."),
        "unverified_ground": _("Some of the ground is not verified yet."),
        "field_missing": _("This is missing: fill it in."),
        "too_long": _("The text is too long: shorten it."),
        "day": _("That is no day: write it as 2022-06-30."),
        "time": _("That is no time: write it as 2022-06-30T14:05."),
        "number": _("That is no number that fits here."),
        "choice": _("Choose from the list."),
        "photograph_missing": _("Choose at least one photograph."),
        "photograph_empty": _("The file is empty."),
        "photograph_large": _("The file is too large."),
        "photograph_kind": _("The file is no JPEG, PNG or WebP, whatever its name says."),
        "photograph_foreign": _("The file is a picture and hides something else."),
        "photograph_broken": _("The file is cut off or damaged."),
        "photograph_pixels": _("The picture has too many pixels."),
        "photograph_time": _("The time is still to come."),
        "photographs_many": _("That is too many photographs at once."),
        "half_position": _("Give longitude and latitude, or neither."),
        "nothing_stands": _("No verified ground of the case still stands."),
        "nothing_to_confirm": _("No ground of the case waits to be confirmed."),
        "answered_already": _("Somebody answers for this enclosure already."),
        "unknown_observation": _("There is no such open observation here."),
    }
    return {
        **{f"state.{state}": words[0] for state, words in states.items()},
        **{f"move.{state}": words[1] for state, words in states.items()},
        **{f"document.{document}": word for document, word in documents.items()},
        **{f"problem.{code}": word for code, word in problems.items()},
        "move.document": _("Document (number)"),
        "move.reason": _("Reason"),
        "move.note": _("Note"),
        "move.confirm": _("Record: {move}"),
        "move.done": _("Case {number}: {state}."),
        "stale.yours": _("Your step"),
        "stale.now": _("The case now"),
        "stale.look": _("Look again"),
        "case.number": _("Case {number}"),
        "case.since": _("since {day}"),
        "timeline.document": _("Document: {document}"),
        "residual.question": _("What is still occupied?"),
        "residual.none": _("Nothing is left"),
        "residual.some": _("Something is left: draw it"),
        "residual.draw": _("Draw on the map"),
        "residual.drawn": _("{n} drawn, about {area}"),
        "residual.missing": _("Say that nothing is left, or draw what is."),
        "residual.title": _("Draw what is still occupied"),
        "residual.tap": _("Tap the corners on the map."),
        "residual.another": _("Another piece"),
        "residual.done": _("Done"),
        "residual.clear": _("Discard"),
        "residual.official": _("The official area is computed in the survey CRS once it is sent."),
    }


def _campaign_words(_: Gettext) -> Words:
    families: dict[str, dict[str, str]] = {
        "body": {
            BodyKind.PARTY_BRANCH: _("Party branch"),
            BodyKind.RESIDENTS_COMMITTEE: _("Residents' committee"),
            BodyKind.OWNERS_COMMITTEE: _("Owners' committee"),
            BodyKind.PROPERTY_COMPANY: _("Property company"),
            BodyKind.PROPERTY_OFFICE: _("Property office"),
            BodyKind.LANE_HOUSEKEEPER: _("Lane housekeepers"),
            BodyKind.BUILDING_HEAD: _("Building heads"),
            BodyKind.VOLUNTEER: _("Volunteers"),
            BodyKind.REMEDIAL_TEAM: _("Remedial team"),
            BodyKind.OTHER: _("Others"),
        },
        "order": {
            OrderOfWork.EASY_FIRST: _("Easy cases first"),
            OrderOfWork.DIFFICULT_FIRST: _("Difficult cases first"),
        },
        "subject": {
            PhotographSubject.BEFORE: _("Before"),
            PhotographSubject.AFTER: _("After"),
            PhotographSubject.POSTING: _("Posting"),
            PhotographSubject.OTHER: _("Other"),
        },
        "channel": {
            Channel.NOTICE_BOARD: _("Notice board"),
            Channel.DOOR: _("Doors"),
            Channel.CHAT_GROUP: _("Chat group"),
            Channel.LOUDSPEAKER: _("Loudspeaker"),
            Channel.OTHER: _("Another way"),
        },
        "paper": {
            Document.SURVEY_SHEET: _("Survey sheet"),
            Document.MINUTES: _("Minutes"),
            Document.ANNOUNCEMENT: _("Announcement"),
            Document.VISIT_RECORD: _("Visit record"),
            Document.CREDIT_CONTRACT: _("Credit contract"),
            Document.DEADLINE_NOTICE: _("Deadline notice"),
            Document.ASSISTANCE_CONSENT: _("Consent to assistance"),
            Document.OBJECTION_DECISION: _("Objection decision"),
            Document.REFERRAL: _("Referral"),
            Document.ACCEPTANCE_FORM: _("Acceptance form"),
        },
        "outcome": {
            VisitOutcome.NOT_HOME: _("Nobody at home"),
            VisitOutcome.UNDECIDED: _("Talked, undecided"),
            VisitOutcome.WILL_CLEAR: _("Will clear without a contract"),
            VisitOutcome.SIGNED: _("Signed the credit contract"),
            VisitOutcome.DECLINED: _("Declined"),
        },
    }
    return {
        f"{family}.{value}": word
        for family, words in families.items()
        for value, word in words.items()
    }


def _event_words(_: Gettext) -> Words:
    """Return what happened to a case without moving it; moves are named by their state."""
    events = {
        "case:observation:withdrawn": _("Observation withdrawn"),
        "case:answer:decided": _("Who answers was decided"),
        "case:answer:reassigned": _("Another household answers"),
        "case:area:confirmed": _("New ground verified"),
        "case:objection:lodged": _("Household objects"),
        "case:objection:decided": _("Objection decided"),
        "case:visit:recorded": _("Household visit"),
        "case:photograph:added": _("Photographs added"),
        "case:deadline:set": _("Deadline set"),
        "case:deadline:extended": _("Deadline extended"),
        "case:deadline:suspended": _("The clock stands"),
        "case:deadline:resumed": _("The clock runs on"),
        "case:assignment:changed:housekeeper": _("Housekeeper assigned"),
        "case:assignment:changed:inspector": _("Inspector assigned"),
        "case:difficulty:changed": _("Difficulty set"),
        "patrol:case:clear": _("Patrol: clear"),
        "patrol:case:rebound": _("Patrol: taken again"),
    }
    return {
        **{f"event.{event}": word for event, word in events.items()},
        # What is done by no person.
        "actor.flagging": _("Flagging"),
    }


def _work_problems(_: Gettext) -> Words:
    """Return what can be wrong with lanes, assignments, patrols, tips and declarations."""
    problems = {
        "lane_ref": _("Give the lane a number of at most 64 characters."),
        "lane_name": _("The name is too long: at most 200 characters fit."),
        "lane_taken": _("There is a lane of that number already."),
        "unknown_lane": _("There is no such lane any more."),
        "unknown_building": _("A building is not in this community."),
        "unknown_housekeeper": _("That account is no lane housekeeper here."),
        "no_case": _("Tick at least one case."),
        "unknown_case": _("There is no such case here."),
        "no_worker": _("That account does not work here in this role."),
        "difficulty": _("Choose a difficulty from 1 to 5."),
        "no_campaign": _("No campaign is running."),
        "polygon": _("The drawing cannot be read: draw it anew."),
        "polygon_missing": _("Nothing is drawn: draw the outline on the map."),
        "polygon_elsewhere": _("What is drawn lies elsewhere."),
        "patrol_not_due": _("The next patrol is not due yet."),
        "patrols_done": _("Every patrol of the case has been made."),
        "no_patrol": _("A case has patrols only after its acceptance."),
        "same_day": _("What is seen on the day of the acceptance is no rebound."),
        "no_rebound": _("What is drawn takes no ground that this case had cleared."),
        "wording_missing": _("Write what was told."),
        "unknown_parcel": _("There is no such parcel: choose it on the plan or leave it out."),
        "note_missing": _("Say what you found."),
        "tip_checked": _("The tip has been checked already."),
        "unknown_tip": _("There is no such tip any more."),
        "outcome": _("Confirm or dismiss it."),
        "link_used": _("The link has been used."),
        "link_expired": _("The link is no longer good."),
        "not_declarable": _("The case waits for no declaration."),
    }
    return {f"problem.{code}": word for code, word in problems.items()}


def _feature_words(_: Gettext) -> Words:
    families: dict[str, dict[str, str]] = {
        "kind": {
            ParcelKind.PUBLIC_GREEN: _("Public green space"),
            ParcelKind.PRIVATE_YARD: _("Private yard"),
            ParcelKind.PATH: _("Path"),
            ParcelKind.PARKING: _("Parking"),
            ParcelKind.OTHER: _("Other ground"),
            "landscaping": _("New landscaping"),
            "charging_pile": _("Charging pile"),
        },
        "title": {
            "owner_common": _("Common to the owners"),
            "municipal": _("Municipal"),
            "individual": _("An individual's"),
            "unknown": _("Unknown"),
            "disputed": _("Disputed"),
        },
        "structure": {
            StructureType.FENCE: _("Fence"),
            StructureType.HEDGE: _("Hedge"),
            StructureType.PAVING: _("Paving"),
            StructureType.SHED: _("Shed"),
            StructureType.PLANTING: _("Planting"),
            StructureType.GLASSHOUSE: _("Glasshouse"),
            StructureType.OTHER: _("Other structure"),
            StructureType.NONE: _("No structure"),
        },
        "role": {
            LinkRole.ADJOINING: _("adjoining"),
            LinkRole.ASSIGNED: _("assigned"),
            LinkRole.USER: _("user"),
        },
        "method": {
            LinkMethod.ATTRIBUTE: _("linked by the register"),
            LinkMethod.SPATIAL: _("linked by distance"),
            LinkMethod.CSV: _("linked by a list"),
            LinkMethod.PERSON: _("linked by a person"),
        },
        "basis": {
            AnswerBasis.OCCUPIER: _("named by the survey"),
            AnswerBasis.PARCEL_LINK: _("by the link to the parcel"),
            AnswerBasis.PERSON: _("decided by a person"),
            AnswerBasis.UNDECIDED: _("nobody answers for it yet"),
        },
        "finding": {
            FindingKind.SLIVER: _("Sliver, dropped"),
            FindingKind.UNKNOWN_TITLE: _("Title unknown"),
        },
        "siteState": {
            SiteState.PLANNED: _("Planned"),
            SiteState.APPROVED: _("Approved"),
            SiteState.BUILT: _("Built"),
            SiteState.REMOVED: _("Removed"),
        },
    }
    return {
        f"{family}.{value}": word
        for family, words in families.items()
        for value, word in words.items()
    } | {
        "tip.building": _("Building {ref}"),
        "tip.pile": _("Charging pile {ref}: {heads} heads"),
        "site.landscaping": _("Landscaping {ref}"),
        "site.charging_pile": _("Charging pile {ref}"),
        "site.state": _("State"),
        "site.heads": _("Charging heads"),
        "site.builtOn": _("Built on"),
        "detail.heading.green": _("Parcel {ref}"),
        "detail.heading.other": _("Ground {ref}"),
        "detail.title": _("Title"),
        "detail.area": _("Area"),
        "detail.crs": _("in {crs}"),
        "detail.building": _("Building"),
        "detail.survey": _("Survey"),
        "detail.rms": _("RMS error {cm} cm"),
        "detail.looked": _("Last looked at"),
        "detail.neverLooked": _("never"),
        "detail.seen": _("seen on {day}"),
        "detail.superseded": _("corrected or withdrawn on {day}"),
        "detail.clearedGround": _("ground cleared"),
        "detail.households": _("Linked households"),
        "detail.noHousehold": _("No household is linked."),
        "detail.encroachments": _("Encroachments"),
        "detail.findings": _("Listed, accuses nobody"),
        "detail.answers": _("Household {household}"),
        "detail.countable": _("{area} countable green"),
    }


def _file_words(_: Gettext) -> Words:
    return {
        "file.exported": _("Exported on {day}. Everything is in this file; it needs no server."),
    }


def _figure_words(_: Gettext) -> Words:
    return {
        "figures.asOf": _("As of {day}"),
        "figures.of": _("{n} of {all}"),
        "figures.meter": _("{share} of the occupied area reclaimed"),
        "figures.reclaimedOf": _("reclaimed of {area} taken ({share})"),
        "figures.whole.community": _("Figures of the whole community"),
        "figures.whole.region": _("Figures of all communities together"),
        "figures.part": _("Figures of {part} alone"),
        "figures.showWhole": _("Show the whole community"),
        "figures.unfiltered": _("The text “{text}” narrows map and legend, not these figures."),
        "figures.heads": _("{heads} charging heads"),
        "figures.peek": _("{n} of {all} cleared · {area} outstanding"),
        "figures.byBuilding": _("By building"),
        "figures.byCommunity": _("By community"),
        "figures.more": _("and {n} more"),
        "figures.clearedColumn": _("Cleared"),
        "figures.outstandingColumn": _("Outstanding m²"),
        "figures.note": _("Areas are computed in the community's survey CRS"),
        "figure.outstanding_m2": _("Still occupied"),
        "figure.encroached_m2": _("Found occupied"),
        "figure.cleared_households": _("Households cleared"),
        "figure.surveyed_households": _("Ground floor surveyed"),
        "figure.rebound_households": _("Taken again"),
        "figure.undecided_enclosures": _("Enclosures nobody answers for yet"),
        "figure.landscaped_m2": _("Landscaped"),
        "figure.charging_piles": _("Charging piles"),
    }


def _tool_words(_: Gettext) -> Words:
    return {
        "control.zoomIn": _("Zoom in"),
        "control.zoomOut": _("Zoom out"),
        "control.fullscreen": _("Full screen"),
        "control.fullscreenEnd": _("Leave full screen"),
        "control.locate": _("Show where I am"),
        "control.here": _("You are within {distance} {unit} of this point"),
        "control.outside": _("You are outside this map"),
        "control.measure": _("Measure"),
        "control.print": _("Print"),
        "control.link": _("Copy the link to this view"),
        "control.home": _("Show the whole place"),
        "link.copied": _("The link is copied."),
        "link.copyByHand": _("Copy this address:"),
        "measure.title": _("Measure"),
        "measure.distance": _("Distance"),
        "measure.area": _("Area"),
        "measure.tapLine": _("Tap two points or more."),
        "measure.tapArea": _("Tap three corners or more."),
        "measure.perimeter": _("perimeter {length}"),
        "measure.method": _("Geodesic on WGS 84; official areas are those of the survey CRS."),
        "sketch.middle": _("Add centre point"),
        "sketch.undo": _("Undo"),
        "sketch.restart": _("Start again"),
        "print.day": _("State of {day}"),
    }


def _error_words(_: Gettext) -> Words:
    return {
        "error.unknown": _("Something went wrong."),
        "error.network": _("The server does not answer. Check the connection and try again."),
        "error.forbidden": _("You may not see or do this. Log in again."),
        "error.missing": _("It is not there, or it is not yours to see."),
        "error.stale": _("Somebody has changed this case meanwhile. Look again."),
        "error.busy": _("Too many requests. Wait a moment."),
        "error.server": _("The server failed ({status}). Try again later."),
        "error.tiles": _("A part of the map could not be loaded."),
        "error.location": _("The position is not available."),
    }
