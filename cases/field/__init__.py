"""What inspectors capture in the field: sent by phones, kept as sent, decided by the office."""
