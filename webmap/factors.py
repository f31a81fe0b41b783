"""The second factor: codes of an authenticator that are good once, and recovery codes.

Flask-Security makes and checks both. Here is what it leaves to the application:
that no code is taken twice, whatever worker it is sent to.
"""

import base64
import hmac
import io
from typing import Any

import qrcode
from flask import current_app
from flask_security import (
    MfRecoveryCodesUtil,
    Totp,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
)
from passlib.exc import TokenError
from qrcode.image.svg import SvgPathImage
from sqlalchemy import or_, update
from wtforms import RadioField, StringField

from cases.access import Role
from cases.account_history import AccountAct, record
from cases.models import Account
from cases.people import rights
from gis.problems import InputError, Problem, Said
from layers.config import Settings
from layers.db import EVERYWHERE, NOWHERE
from webmap.connections import current_database, current_settings
from webmap.gates import current_actor

ISSUER = "Common Green"
RECOVERY_CODES = 10


def factor_settings(secret_key: str) -> dict[str, object]:
    """Return Flask-Security's settings; its keys come from ours, outside the database."""
    codes_key = base64.urlsafe_b64encode(_derived(secret_key, "recovery codes"))
    return {
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        # A code of the half minute before or after is taken: clocks differ.
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "SECURITY_TOTP_SECRETS": {"1": _derived(secret_key, "second factors").hex()},
        "SECURITY_TOTP_ISSUER": ISSUER,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": RECOVERY_CODES,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS": [codes_key],
    }


def _derived(secret_key: str, purpose: str) -> bytes:
    return hmac.digest(secret_key.encode(), f"commongreen {purpose}".encode(), "sha256")


def demanding_roles(settings: Settings) -> frozenset[Role]:
    """Return the roles that need a second factor; raises ``InputError`` for a name of none."""
    unknown = set(settings.second_factor_roles) - set(Role)
    if unknown:
        message = Said("{listed} is no role.", listed=", ".join(sorted(unknown)))
        remedy = Said("Use {listed}, or none.", listed=", ".join(Role))
        name = "COMMONGREEN_SECOND_FACTOR_ROLES"
        raise InputError([Problem("setting", message, remedy, field=name)])
    return frozenset(map(Role, settings.second_factor_roles))


def needs_factor(account: Account) -> bool:
    """Tell whether one of the account's roles demands a second factor."""
    demanding = demanding_roles(current_settings())
    if not demanding:
        return False
    with current_database().session(EVERYWHERE) as session:
        return bool(rights(session, account.id).roles & demanding)


class FactorSetup(TwoFactorSetupForm):
    """The form to set a factor up or remove it; our pages have no list to choose from."""

    setup = StringField()


class Rescue(TwoFactorRescueForm):
    """Flask-Security's other ways in, of which our pages offer the recovery codes only."""

    help_setup = RadioField(choices=[])


class Codes(Totp):
    """Codes of an authenticator, each good once."""

    def verify_totp(self, token: str, totp_secret: str, user: Any, window: int = 0) -> bool:
        """Tell whether a code is right, and use it up."""
        known = totp_secret == user.tf_totp_secret
        last = user.totp_counter if known else None
        try:
            match = self._totp.verify(token, totp_secret, window=window, last_counter=last)
        except TokenError:
            return False
        if known:
            return _use_up(user, match.counter)
        # A new secret is stored by who asks, and its first code with it.
        user.totp_counter = match.counter
        return True

    def generate_qrcode(self, username: str, totp: str) -> str:
        """Return the picture that an authenticator reads, as the address of an image."""
        picture = qrcode.make(
            self.get_totp_uri(username, totp), image_factory=SvgPathImage, border=2
        )
        with io.BytesIO() as file:
            picture.save(file)
            encoded = base64.b64encode(file.getvalue()).decode("ascii")
        return f"data:image/svg+xml;base64,{encoded}"


def _use_up(account: Account, counter: int) -> bool:
    """Note the time step of a code; ``False`` where another request was quicker with it."""
    fresh = or_(Account.totp_counter.is_(None), Account.totp_counter < counter)
    taken = (
        update(Account)
        .where(Account.id == account.id, fresh)
        .values(totp_counter=counter)
        .returning(Account.id)
    )
    with current_database().session(NOWHERE) as session, session.begin():
        return session.execute(taken).scalar() is not None


class RecoveryCodes(MfRecoveryCodesUtil):
    """Codes on paper for whoever has lost the authenticator, each good once."""

    def create_recovery_codes(self, user: Any) -> list[str]:
        """Make new codes, which replace the old ones."""
        codes: list[str] = super().create_recovery_codes(user)
        session = current_app.extensions["security"].datastore.db.session
        record(session, user.id, AccountAct.RECOVERY_CODES_MADE, current_actor())
        return codes

    def check_recovery_code(self, user: Any, code: str) -> bool:
        """Tell whether a code is one of the account's, and use it up under a lock."""
        wanted = code.strip().lower()
        with current_database().session(NOWHERE) as session, session.begin():
            account = session.get_one(Account, user.id, with_for_update=True)
            codes = account.mf_recovery_codes or []
            left = [one for one in codes if self._decrypt_codes([one]) != [wanted]]
            found = len(left) < len(codes)
            act = AccountAct.RECOVERY_CODE_USED if found else AccountAct.CODE_REFUSED
            account.mf_recovery_codes = left
            record(session, account.id, act, current_actor(account))
        return found

    def delete_recovery_code(self, user: Any, code: str) -> bool:
        """Do nothing: the check has used the code up."""
        return True
