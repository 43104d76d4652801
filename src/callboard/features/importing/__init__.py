"""Sheets and other lists become entities: read, guess what columns mean, plan, apply, undo.

Nouns: a *workbook* is a file as read, a *table* one tab of it with its header found; a *mapping* says what each column
means; a *plan* says what every row would become and why, before anything is written; an *import* is a plan that was
applied and can be undone. Explanation: ``docs/explanation/spreadsheets.md``.
"""
