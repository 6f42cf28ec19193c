"""The availability report of a month, a day or any range of days: figures, tables and output formats."""
