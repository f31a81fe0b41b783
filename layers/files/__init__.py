"""Files in and out: every format that people exchange, read and written whole or not at all."""
