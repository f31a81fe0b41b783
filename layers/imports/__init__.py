"""An import planned, shown and applied, and parcels linked to their households."""
