"""The admin API below /admin/v1: its table, who may call what, and what it answers."""
