"""The pages: where somebody goes after logging in, the list of places, the map."""


from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import generate_csrf

from cases.access import Permission
from layers.features import map_place
from webmap.gates import Open, current_access, gated, place_session
from webmap.languages import current_language
from webmap.security import csp_nonce

pages = Blueprint("pages", __name__)


@pages.get("/")
@gated(Open.PUBLIC)
def home() -> ResponseReturnValue:
    """Lead to the login, to the only place of the account, or to the list of places."""
    if not current_user.is_authenticated:
        return redirect(url_for("security.login"))
    return render_template("places.html", communities=[], regions=[])


@pages.get("/map/<place>")
@gated(Permission.MAP_READ)
def map_page(place: str) -> ResponseReturnValue:
    """Show the map of a community or a region."""
    # Folium takes a second to import, which only a worker that draws a map pays.
    from webmap.shell import render_map_page

    with place_session() as session:
        shown = map_place(session, current_access().place)
    return render_map_page(shown, current_language(), csp_nonce(), generate_csrf())
