"""A month on paper time: the real routing, budgets and breakers, without a clock that ticks."""
