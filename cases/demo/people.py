"""Invented people and names: plainly garden words, and no number that can be rung."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
# Two characters a word: what grows and stands in a garden.
_GARDEN = (
    "草坪花圃绿篱苗床石径花坛藤架竹篱池塘雨廊月季海棠紫藤银杏青松冬青"
    "玉兰丁香连翘木槿石榴葡萄丝瓜韭菜豆角茄子南瓜香椿"
)
_TREES = "松林海棠银杏青竹紫藤玉兰丁香石榴红枫白桦金桂冬青连翘木槿碧桃合欢"
_ENDINGS = ("小区", "花园", "家园", "新苑", "雅居", "里", "佳园", "公寓")


def compound_name(number: int) -> str:
    """Return an invented name; the first 128 differ, later ones carry their number."""
    tree = (number - 1) % (len(_TREES) // 2)
    name = _TREES[2 * tree : 2 * tree + 2] + _ENDINGS[(number - 1) // 16 % len(_ENDINGS)]
    return name if number <= 128 else f"{name}{number}号"


def residents(households: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """Return the adults of the given households: name, phone, household, role.

    About 1.6 to a household; owners, or in one household of eight its tenants.
    """
    rows: list[tuple[str, str, str, str]] = []
    for household in households:
        role = "tenant" if rng.random() < 0.12 else "owner"
        for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.4, 0.1]))):
            surname = _SURNAMES[int(rng.integers(len(_SURNAMES)))]
            word = 2 * int(rng.integers(len(_GARDEN) // 2))
            phone = f"000-0000-{len(rows) + 1:04d}"
            rows.append((surname + _GARDEN[word : word + 2], phone, household, role))
    return pd.DataFrame(rows, columns=["name", "phone", "household", "role"])
