"""An invented compound: its plan, its story, and how both come into the database."""
