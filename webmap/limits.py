"""How often a secret may be tried: counted for every worker in one table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request, session
from flask_limiter.util import get_remote_address
from flask_login import current_user
from limits import parse
from limits.strategies import FixedWindowRateLimiter

from cases.people import normal_email
from webmap.throttle import PostgresStorage, make_limiter

Key = Callable[[], str]


@dataclass(frozen=True)
class LoginLimits:
    """How many tries are let through, in Flask-Limiter's words.

    Of failed logins the pair of account and address is narrow; the account alone is
    wide, so that a stranger cannot easily lock its owner out, and the address too,
    for an office stands behind one. Codes and the own password are asked only of
    somebody who has got halfway, so the account alone is narrow. Links that are asked
    for count whether or not the account is there.
    """

    pair: str = "5 per 5 minutes"
    account: str = "50 per hour"
    address: str = "100 per 15 minutes"
    code: str = "10 per 15 minutes"
    password: str = "10 per 15 minutes"
    link: str = "3 per hour"
    links: str = "20 per hour"
    reset: str = "20 per 15 minutes"
    token: str = "30 per minute"


# Where the own password is asked for: all share one count, as each would answer a guess.
_OWN_PASSWORD = (
    "security.verify",
    "security.change_password",
    "api_own_account.confirm_own_password",
    "api_own_account.change_own_password",
)


def limit_tries(app: Flask, limits: LoginLimits) -> None:
    """Put the limits before the views that take secrets, all of which are registered."""
    limiter = make_limiter(app)

    def limit(endpoint: str, rule: str, key: Key, counts: Callable[[Response], bool]) -> None:
        name = f"security.{endpoint}"
        view: Any = limiter.limit(rule, key_func=key, methods=["POST"], deduct_when=counts)
        app.view_functions[name] = view(app.view_functions[name])

    limit("login", limits.address, get_remote_address, _failed)
    limit("login", limits.account, _address_typed, _failed)
    limit("login", limits.pair, _pair, _failed)
    limit("two_factor_token_validation", limits.code, _half_way, _failed)
    limit("mf_recovery", limits.code, _half_way, _failed)
    limit("forgot_password", limits.links, get_remote_address, _always)
    limit("forgot_password", limits.link, _address_typed, _always)
    limit("reset_password", limits.reset, get_remote_address, _always)
    for name in _OWN_PASSWORD:
        shared: Any = limiter.shared_limit(
            limits.password,
            "own password",
            key_func=_half_way,
            methods=["POST", "PUT"],
            deduct_when=_failed,
        )
        app.view_functions[name] = shared(app.view_functions[name])


def _failed(response: Response) -> bool:
    """Tell a try that was refused from one that led on, and from a failure of ours."""
    led_on = 200 if request.path.startswith("/api/") else 302
    return response.status_code != led_on and response.status_code < 500


def _always(_response: Response) -> bool:
    return True


def _address_typed() -> str:
    """Return the address as accounts store it, so that no other spelling has its own count."""
    try:
        return normal_email(request.form.get("email", ""))
    except ValueError:
        return "no address"  # No account has it; an empty key would not be counted.


def _pair() -> str:
    return f"{get_remote_address()} {_address_typed()}"


def _half_way() -> str:
    """Return the account that has given its password, by what its session knows it."""
    return str(session.get("tf_user_id") or current_user.get_id() or "nobody")


def refused_token(limits: LoginLimits) -> bool:
    """Count a token that opened nothing; tell whether its address has tried too often."""
    limiter = FixedWindowRateLimiter(PostgresStorage())
    return not limiter.hit(parse(limits.token), "token", get_remote_address())
