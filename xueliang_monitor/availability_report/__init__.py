"""The report of a month, a day or any stretch of days: figures, tables, and the forms in which they are handed over."""
