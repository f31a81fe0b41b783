"""What stands at the door: CRS, place, geometry and values, judged before anything is stored."""
