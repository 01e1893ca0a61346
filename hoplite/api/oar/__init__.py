"""The OAR dialect, below ``/oarapi`` (open to read) and ``/oarapi-priv`` (callers must be known).

:mod:`hoplite.api.oar.endpoint` says how a route is declared and how it answers.
"""
