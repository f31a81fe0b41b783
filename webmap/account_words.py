"""The words of the account pages, in the reader's language."""

from flask_babel import gettext

from cases.access import Role
from cases.account_history import AccountAct, Entry
from gis.problems import Problem


def role_words() -> dict[str, str]:
    """Return what people call each role."""
    return {
        Role.RESIDENT: gettext("Resident"),
        Role.LANE_HOUSEKEEPER: gettext("Lane housekeeper"),
        Role.INSPECTOR: gettext("Inspector"),
        Role.PLANNER: gettext("Planner"),
        Role.SECRETARY: gettext("Secretary"),
        Role.OFFICIAL: gettext("Official"),
        Role.ADMIN: gettext("Administrator"),
    }


def act_words() -> dict[str, str]:
    """Return each act of an account's history as a sentence's end."""
    return {
        AccountAct.ACCOUNT_ADDED: gettext("Account opened"),
        AccountAct.ACCOUNT_CLOSED: gettext("Account closed"),
        AccountAct.ACCOUNT_OPENED: gettext("Account opened again"),
        AccountAct.CODE_REFUSED: gettext("Wrong code refused, the password was right"),
        AccountAct.FACTOR_REMOVED: gettext("Second factor removed"),
        AccountAct.FACTOR_SET: gettext("Second factor set"),
        AccountAct.LOGGED_IN: gettext("Logged in"),
        AccountAct.LOGGED_OUT: gettext("Logged out"),
        AccountAct.MEMBERSHIP_APPROVED: gettext("Role in force"),
        AccountAct.MEMBERSHIP_PROPOSED: gettext("Role proposed"),
        AccountAct.MEMBERSHIP_REVOKED: gettext("Role revoked"),
        AccountAct.NAME_CHANGED: gettext("Name changed"),
        AccountAct.PASSWORD_CHANGED: gettext("Password changed"),
        AccountAct.PASSWORD_RESET: gettext("New password set by a reset link"),
        AccountAct.RECOVERY_CODES_MADE: gettext("Recovery codes made"),
        AccountAct.RECOVERY_CODE_USED: gettext("Recovery code used"),
        AccountAct.RESET_ISSUED: gettext("Reset link given out"),
        AccountAct.TOKEN_MADE: gettext("Access token made"),
        AccountAct.TOKEN_REVOKED: gettext("Access token revoked"),
    }


def problem_words(problem: Problem) -> str:
    """Return why something on an account page was refused, and what helps."""
    texts = {
        "closed": gettext("The account is closed. Open it first."),
        "email": gettext("This is no e-mail address. Write it as name@organisation."),
        "email_taken": gettext("There is an account with this e-mail already."),
        "expires": gettext("The last day is over. Choose today or a later day."),
        "granted": gettext("The account has this role there already, or it waits for approval."),
        "household": gettext(
            "A resident belongs to a household: give a community and the household's reference,"
            " such as 12-1-101. Other roles have none."
        ),
        "name": gettext("Give a name of 1 to 200 characters."),
        "name_taken": gettext("There is a token of this name already. Choose another name."),
        "not_managed": gettext(
            "This account is your own, or may more than lies within your places."
            " Ask another administrator, or one of a region above."
        ),
        "not_waiting": gettext("This grant does not wait for approval any more."),
        "one_hand": gettext(
            "One person could be behind both: an administrator has opened or reset one of the two"
            " accounts, or both. Ask another administrator, or let the operator give a new link"
            " by `commongreen user reset`."
        ),
        "outside": gettext("This place is not within your own. Ask an administrator of the place."),
        "place": gettext("There is no such region or community."),
        "role": gettext("Choose a role."),
        "same_person": gettext("A second person has to approve, not whoever proposed it."),
        "self": gettext("Nobody gives a role to themselves. Ask another administrator."),
        "unknown_membership": gettext("There is no such role any more. Reload the page."),
        "unknown_token": gettext("There is no such token any more."),
    }
    return texts.get(problem.code) or f"{problem.message} {problem.remedy}"


def detail_words(entry: Entry) -> str:
    """Return what an act was about: a role and its place, or the name of a token."""
    said = entry.data
    role = role_words().get(str(said.get("role")), "")
    place = said.get("place") or (gettext("everywhere") if role else "")
    parts = (role, place, said.get("household"), said.get("name"))
    return " · ".join(str(part) for part in parts if part)
