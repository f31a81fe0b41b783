"""``commongreen export``: a layer of a community as a file that import reads."""

from pathlib import Path

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show


@click.command("export")
@click.argument("layer")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--community", required=True, help="The code of the community.")
@click.option("--crs", help="EPSG code of the file; the community's survey CRS without it.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@json_option
@pass_settings
def export(
    settings: Settings,
    layer: str,
    file: Path,
    community: str,
    crs: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write LAYER to FILE in the format of its ending.

    LAYER is buildings, households, parcels, observations, sites, encroachments,
    or one of the tables links and cases. FILE ends in .gpkg, .geojson, .shp, .shp.zip, .fgb,
    .parquet or .csv, that of a table in .csv.
    """
    from cases.export_layers import register_layers
    from layers.files.exporting import export as write
    from layers.places import find_community, parse_srid
    from webmap.commands.operator import operator_session

    register_layers()
    srid = None if crs is None else parse_srid(crs)
    with operator_session(settings) as session:
        place = find_community(session, community)
        done = write(session, place, layer, file, srid=srid, overwrite=overwrite)
    if as_json:
        show(
            {"layer": done.layer, "file": done.path, "rows": done.rows, "crs": done.crs},
            as_json=True,
        )
    else:
        where = f" in {done.crs}" if done.crs else ""
        click.echo(f"{done.rows} {done.layer} written to {done.path}{where}.")
