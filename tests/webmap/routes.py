"""Who may what, transcribed from SAFETY, and one line for each route.

Whoever adds a route adds its line to ``ROUTES``, and whoever adds a permission its
line to ``MAY``; a name in a route's address that is new needs a row in both of
the walk's communities (``samples`` in ``test_routes.py``).
"""

from cases.access import Permission, Role
from webmap.gates import Anywhere, Gate, Open

R = Role
P = Permission

MAY: dict[Permission, set[Role]] = {
    P.ACCOUNTS_MANAGE: {R.ADMIN},
    P.CAMPAIGN_EDIT: {R.SECRETARY},
    P.CAMPAIGN_READ: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.PLANNER, R.SECRETARY},
    P.CASE_ACCEPT: {R.INSPECTOR, R.SECRETARY},
    P.CASE_ANNOUNCE: {R.SECRETARY},
    P.CASE_ASSIGN: {R.SECRETARY},
    P.CASE_DECLARE: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.SECRETARY},
    P.CASE_EXTEND: {R.SECRETARY},
    P.CASE_INSPECT: {R.INSPECTOR},
    P.CASE_READ: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.PLANNER, R.SECRETARY},
    P.CASE_REFER: {R.SECRETARY},
    P.CASE_VERIFY: {R.INSPECTOR},
    P.CASE_VISIT: {R.LANE_HOUSEKEEPER, R.SECRETARY},
    P.CONTACT_READ: {R.LANE_HOUSEKEEPER, R.SECRETARY},
    P.DOCUMENT_ISSUE: {R.LANE_HOUSEKEEPER, R.SECRETARY},
    P.FIGURES_READ: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.PLANNER, R.SECRETARY, R.OFFICIAL},
    P.LANES_EDIT: {R.PLANNER, R.SECRETARY},
    P.LAYERS_EXPORT: {R.PLANNER, R.SECRETARY},
    P.LAYERS_IMPORT: {R.PLANNER},
    P.MAP_READ: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.PLANNER, R.SECRETARY},
    P.OBJECTION_DECIDE: {R.SECRETARY},
    P.OBJECTION_LODGE: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.SECRETARY},
    P.PHOTOGRAPH_ADD: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.SECRETARY},
    P.SITES_EDIT: {R.PLANNER},
    P.TIP_ADD: {R.LANE_HOUSEKEEPER, R.INSPECTOR, R.SECRETARY},
    P.TIP_CHECK: {R.INSPECTOR, R.SECRETARY},
}

MANAGES = Anywhere(P.ACCOUNTS_MANAGE)

ROUTES: dict[str, Gate] = {
    "account.add_token": Open.LOGGED_IN,
    "account.end_token": Open.LOGGED_IN,
    "account.own": Open.LOGGED_IN,
    "account.save_profile": Open.LOGGED_IN,
    "admin.accounts": MANAGES,
    "admin.add_account": MANAGES,
    "admin.add_membership": MANAGES,
    "admin.approvals": MANAGES,
    "admin.approve_membership": MANAGES,
    "admin.close_account": MANAGES,
    "admin.drop_factor": MANAGES,
    "admin.issue_reset": MANAGES,
    "admin.one_account": MANAGES,
    "admin.reopen_account": MANAGES,
    "admin.revoke_membership": MANAGES,
    "api_cases.case_ground": P.CASE_READ,
    "api_cases.case_history": P.CASE_READ,
    "api_cases.case_list": P.CASE_READ,
    "api_cases.move_case": P.CASE_READ,
    "api_cases.whole_case": P.CASE_READ,
    "api_document.api_page": Open.LOGGED_IN,
    "api_document.openapi": Open.LOGGED_IN,
    "api_parcels.parcel": P.CASE_READ,
    "api_places.place_communities": P.MAP_READ,
    "api_places.place_days": P.MAP_READ,
    "api_places.place_figures": P.FIGURES_READ,
    "api_places.place_search": P.MAP_READ,
    "api_places.place_status": P.MAP_READ,
    "campaigns.begin": P.CAMPAIGN_EDIT,
    "campaigns.campaign": P.CAMPAIGN_READ,
    "campaigns.campaign_list": P.CAMPAIGN_READ,
    "campaigns.end": P.CAMPAIGN_EDIT,
    "campaigns.new_announcement": P.CASE_ANNOUNCE,
    "campaigns.new_body": P.CAMPAIGN_EDIT,
    "campaigns.new_meeting": P.CAMPAIGN_EDIT,
    "campaigns.new_posting": P.CAMPAIGN_EDIT,
    "cases.case_list": P.CASE_READ,
    "cases.case_list_csv": P.CASE_READ,
    "cases.case_list_xlsx": P.CASE_READ,
    "cases.case_page": P.CASE_READ,
    "cases.move_case": P.CASE_READ,
    "clock.decide": P.OBJECTION_DECIDE,
    "clock.extend_deadline": P.CASE_EXTEND,
    "clock.lodge_objection": P.OBJECTION_LODGE,
    "clock.reassign_case": P.CASE_READ,
    "health.live": Open.PUBLIC,
    "health.ready": Open.PUBLIC,
    "pages.home": Open.PUBLIC,
    "pages.map_page": P.MAP_READ,
    "pages.places": Open.LOGGED_IN,
    "papers.download": P.CASE_READ,
    "papers.minutes": P.DOCUMENT_ISSUE,
    "security.change_password": Open.LOGGED_IN,
    "security.forgot_password": Open.PUBLIC,
    "security.login": Open.PUBLIC,
    "security.logout": Open.LOGGED_IN,
    "security.mf_recovery": Open.PUBLIC,
    "security.mf_recovery_codes": Open.LOGGED_IN,
    "security.reset_password": Open.PUBLIC,
    "security.tf_select": Open.CLOSED,
    "security.two_factor_rescue": Open.CLOSED,
    "security.two_factor_setup": Open.PUBLIC,
    "security.two_factor_setup_validate": Open.CLOSED,
    "security.two_factor_token_validation": Open.PUBLIC,
    "security.verify": Open.LOGGED_IN,
    "static": Open.PUBLIC,
    "tiles.tile": P.MAP_READ,
    "visits.new_visit": P.CASE_VISIT,
}

# What a view itself keeps from a role that its gate lets through: a lane housekeeper sees
# the assigned cases only, and the walk's case is nobody's.
UNSEEN: set[tuple[str, Role]] = {("api.move_case", R.LANE_HOUSEKEEPER)}
