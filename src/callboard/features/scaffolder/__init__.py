"""Golden paths: software templates, their expressions, and what they make.

``language`` is the closed interpreter of the expressions and statements that templates and their skeletons are written
in. See docs/explanation/template-language.md.
"""
