"""Approvals: a step waits until people say yes or no. Tables ``scaffolder_approval*``; words ``scaffolder.approve.*``.

The step asks once (``action``), the task is put aside without holding a worker, and the last decision has it go on (``service``).
"""
