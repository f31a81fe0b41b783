"""What a case answers with: its history, its next moves, and both versions of a conflict."""

from marshmallow import Schema, fields

from cases.workflow import Document, Requirement, State
from webmap.api.fields import Key
from webmap.api.schemas import FailureSchema, ProblemSchema, says, word


class CaptureSchema(Schema):
    """What an inspector captured, of an event by which it came to a case."""

    submission = fields.UUID(**says("The submission from the field."))
    recorded_by = fields.String(**says("Who captured it."))
    observed_on = fields.Date(**says("On which day it was seen."))
    received_at = fields.DateTime(**says("When it was stored."))


class EventSchema(Schema):
    """Something that happened to a case; history is never changed."""

    day = fields.Date(**says("The day where the community lies."))
    at = fields.DateTime(**says("The instant."))
    actor = fields.String(**says("Whose account recorded it."))
    event = fields.String(**says("What, as source:subject:action."))
    state = word(State, "The state that the case came to.", allow_none=True)
    document = fields.String(**says("The number of the paper behind it."))
    note = fields.String(**says("The reason or note."))
    captured = fields.List(
        fields.Nested(CaptureSchema),
        **says("What was accepted from the field, where the event is that."),
    )


class AvailableMoveSchema(Schema):
    """A move that the table allows from here."""

    target = word(State, "The state that it leads to.")
    permitted = fields.Boolean(**says("Whether the asking account may make it."))
    document = word(
        Document,
        "The kind of paper that it rests on, issued with it where none is named.",
        allow_none=True,
    )
    requires = fields.List(
        word(Requirement, "A requirement."), **says("All that such a move needs.")
    )
    lacks = fields.List(
        fields.Nested(ProblemSchema),
        **says("What it would lack without any field, a paper's number counted."),
    )


class CaseSchema(Schema):
    """A case with its history and its next moves."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.String(**says("What people call it."))
    household = fields.String(**says("The ref of the household that answers."))
    campaign = fields.String(**says("The name of its campaign."))
    state = word(State, "How far it has come.")
    since = fields.Date(**says("Since when."))
    version = fields.Integer(**says("Raised by every change; If-Match names it."))
    events = fields.List(fields.Nested(EventSchema), **says("What happened, oldest first."))
    moves = fields.List(fields.Nested(AvailableMoveSchema), **says("What may happen next."))


class SubmissionSchema(Schema):
    """What makes a resend safe."""

    key = Key(
        data_key="Idempotency-Key",
        metadata={
            "description": "A random UUID of the client's: the same body under it is done once"
            " and answered the same, for 30 days."
        },
    )


class StaleSchema(FailureSchema):
    """A change of a case that somebody else has changed since it was read."""

    yours = fields.Dict(**says("The request as it was sent, with the versions of If-Match."))
    case = fields.Nested(CaseSchema, **says("The case as it is now."))
