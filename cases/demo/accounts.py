"""Who logs in to the demo."""

from cases.access import Role

DOMAIN = "demo.example"
PASSWORD = "green-again-2022"
ACCOUNTS = (
    ("secretary", "书记 Secretary", Role.SECRETARY),
    ("inspector_a", "巡查员甲 Inspector A", Role.INSPECTOR),
    ("inspector_b", "巡查员乙 Inspector B", Role.INSPECTOR),
    ("planner", "规划员 Planner", Role.PLANNER),
    ("lane_housekeeper_1", "巷管家 Lane housekeeper", Role.LANE_HOUSEKEEPER),
    ("official", "镇领导 Official", Role.OFFICIAL),
    ("admin_a", "管理员甲 Admin A", Role.ADMIN),
    ("admin_b", "管理员乙 Admin B", Role.ADMIN),
)


def email(label: str) -> str:
    """Return the address of somebody of the story, such as ``inspector_a``."""
    return f"{label.replace('_', '-')}@{DOMAIN}"
