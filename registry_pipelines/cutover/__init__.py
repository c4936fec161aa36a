"""Carry out a cut-over: what an approved plan does to workloads, and the way back.

`execution` is the deed, `changing` its only hands, `rollback` the way back; `files` writes the changes for those who
change clusters through git.
"""
