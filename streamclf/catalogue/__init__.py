"""Networks: model cards, where their files lie, their labels."""
