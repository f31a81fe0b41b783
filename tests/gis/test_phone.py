import numpy as np
import pytest
import shapely

from gis.crs import SurveyCRS
from gis.phone import phone_survey, proj4_text

BOX = (122.19, 37.38, 122.2, 37.39)


def test_the_text_names_the_projection_and_the_ellipsoid() -> None:
    assert phone_survey(SurveyCRS(4550), BOX)["proj4"] == (
        "+proj=tmerc +lat_0=0 +lon_0=123 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 "
        "+towgs84=0,0,0 +units=m +no_defs"
    )


@pytest.mark.parametrize(
    ("srid", "shift"),
    [
        # The Dutch shift is published for coordinate frames, the British for position vectors.
        (28992, "565.4171,50.3319,465.5524,-0.398957388243134,0.343987817378283,"),
        (27700, "446.448,-125.157,542.06,0.15,0.247,0.842,-20.489"),
    ],
)
def test_the_shift_of_a_datum_turns_position_vectors(srid: int, shift: str) -> None:
    assert f"+towgs84={shift}" in proj4_text(SurveyCRS(srid).pipeline)


def test_controls_are_places_and_their_metres() -> None:
    survey = SurveyCRS(4550)
    controls = np.array(phone_survey(survey, BOX)["controls"])
    assert controls.shape == (16, 4)
    again = shapely.get_coordinates(survey.to_survey(shapely.points(controls[:, :2])))
    assert np.abs(again - controls[:, 2:]).max() < 1e-6
    assert controls[:, 0].min() == BOX[0]
    assert controls[:, 1].max() == BOX[3]


def test_controls_never_lie_all_in_one_place() -> None:
    controls = np.array(phone_survey(SurveyCRS(4550), (122.19, 37.38, 122.19, 37.38))["controls"])
    assert np.ptp(controls[:, 2]) > 100
    assert np.ptp(controls[:, 3]) > 100
